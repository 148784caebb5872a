using Spectre.Console;

namespace Kvorum.Cli.CommandLine;

/// <summary>Where tables and marked-up lines go: a terminal, or plain text into a file or a pipe.</summary>
internal static class Screen
{
    /// <summary>
    /// Writes to <paramref name="output"/>. Colours and the terminal's width only if a person sees it there,
    /// whatever the environment says of a terminal; else lines of so many columns.
    /// </summary>
    public static IAnsiConsole Of(TextWriter output, int columns = 120)
    {
        var isSeen = !Console.IsOutputRedirected;
        var console = AnsiConsole.Create(new()
        {
            Out = new AnsiConsoleOutput(output),
            Ansi = isSeen ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = isSeen ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
        });
        if (!isSeen)
            console.Profile.Width = columns;
        return console;
    }
}
