namespace Kvorum.Tests.Cli.Commands;

public class CompletionCommandTests
{
    [Theory]
    [InlineData("kvorum sta", "start status")]
    [InlineData("kvorum put --tt", "--ttl")]
    [InlineData("kvorum get --consistency l", "lease linearizable")]
    [InlineData("kvorum wal ", "export import --help")]
    [InlineData("kvorum completion b", "bash")]
    public async Task A_real_bash_completes(string line, string expected)
    {
        var script = $$"""
            kvorum() { "$K" "$@"; }
            source <($K completion bash)
            COMP_LINE='{{line}}'
            COMP_POINT=${#COMP_LINE}
            COMP_WORDS=($COMP_LINE)
            [ "${COMP_LINE% }" = "$COMP_LINE" ] || COMP_WORDS+=("")
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            complete -p kvorum >/dev/null || exit 9
            _kvorum kvorum
            echo ${COMPREPLY[@]} | tr ' ' '\n' | grep -v -e '^-?$' -e '^-h$' | tr '\n' ' '
            """;
        var (code, output, errors) = await Shell.Run(script);
        Assert.Equal((0, ""), (code, errors));
        Assert.Equal(
            expected.Split(' ').Order(StringComparer.Ordinal),
            output.Split(' ', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("zsh", "compdef _kvorum kvorum")]
    [InlineData("fish", "complete -c kvorum")]
    public async Task Other_shells_have_their_scripts(string shell, string text)
    {
        var (code, output, _) = await InProcess.Run("completion", shell);
        Assert.Equal(0, code);
        Assert.Contains(text, output, StringComparison.Ordinal);
    }
}
