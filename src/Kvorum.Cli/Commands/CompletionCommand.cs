using System.CommandLine;
using Kvorum.Cli.CommandLine;

namespace Kvorum.Cli.Commands;

/// <summary>
/// <c>kvorum completion bash|zsh|fish</c>: a script for the shell, which asks the program itself, by the
/// directive [suggest], what may stand at the cursor.
/// </summary>
internal static class CompletionCommand
{
    private const string Bash = """
        # Completion of kvorum in bash: source <(kvorum completion bash)
        _kvorum() {
          local IFS=$'\n' found
          found=$("$1" "[suggest:$COMP_POINT]" "$COMP_LINE" 2>/dev/null)
          COMPREPLY=($(compgen -W "$found" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o default -F _kvorum kvorum
        """;

    private const string Zsh = """
        #compdef kvorum
        # Completion of kvorum in zsh: source <(kvorum completion zsh)
        _kvorum() {
          local -a found
          found=(${(f)"$("${words[1]}" "[suggest:$CURSOR]" "$BUFFER" 2>/dev/null)"})
          compadd -a found || _files
        }
        compdef _kvorum kvorum
        """;

    private const string Fish = """
        # Completion of kvorum in fish: kvorum completion fish | source
        function __kvorum_found
          set -l words (commandline -opc)
          set -l line (commandline -cp | string collect)
          $words[1] "[suggest:"(string length -- $line)"]" $line 2>/dev/null
        end
        complete -c kvorum -a '(__kvorum_found)'
        """;

    private static readonly string[] Shells = ["bash", "zsh", "fish"];

    /// <summary>True if the program is asked by such a script.</summary>
    public static bool IsAsked(string[] args) =>
        args is [var first, ..] && first.StartsWith("[suggest", StringComparison.Ordinal);

    public static Command Create()
    {
        var shell = new Argument<string>("shell")
        {
            Description = "bash, zsh or fish.",
            HelpName = string.Join('|', Shells),
        };
        shell.CompletionSources.Add(Shells);
        shell.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !Shells.Contains(token.Value, StringComparer.Ordinal))
                result.AddError(Flag.Mistake("shell", token.Value, "give bash or zsh or fish"));
        });
        var command = new Command(
            "completion",
            "Prints a script that completes commands and flags: source <(kvorum completion bash)")
        {
            shell,
        };
        command.SetAction(async (parsed, _) =>
        {
            var script = parsed.GetValue(shell) switch { "bash" => Bash, "zsh" => Zsh, _ => Fish };
            await parsed.InvocationConfiguration.Output.WriteLineAsync(script.ReplaceLineEndings("\n"))
                .ConfigureAwait(false);
            return ExitCode.Ok;
        });
        return command;
    }
}
