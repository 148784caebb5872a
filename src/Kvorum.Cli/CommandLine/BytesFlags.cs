using System.CommandLine;
using System.CommandLine.Parsing;

namespace Kvorum.Cli.CommandLine;

/// <summary>Two flags for bytes that are no text, or awkward to type: in base64 and in hex.</summary>
internal sealed class BytesFlags
{
    private readonly Option<byte[]?>[] _all;

    /// <param name="name">--name-base64 and --name-hex.</param>
    /// <param name="what">What they give, for the help.</param>
    /// <param name="others">Further flags for the same bytes.</param>
    public BytesFlags(string name, string what, params Option<byte[]?>[] others) => _all =
    [
        .. others,
        Flag.Base64($"--{name}-base64", $"{what} in base64. [default: not given]"),
        Flag.Hex($"--{name}-hex", $"{what} in hexadecimal digits. [default: not given]"),
    ];

    /// <summary>The names, for messages.</summary>
    public string Names => string.Join(" or ", _all.Select(static option => option.Name));

    public void AddTo(Command command)
    {
        foreach (var option in _all)
            command.Options.Add(option);
        command.Validators.Add(result =>
        {
            if (Count(result) > 1)
                result.AddError($"give one of {Names}, not several");
        });
    }

    /// <summary>How many of them were given.</summary>
    public int Count(CommandResult result) =>
        _all.Count(option => result.GetResult(option) is { Implicit: false });

    /// <summary>The bytes; null if no flag was given.</summary>
    public byte[]? Given(ParseResult parsed) =>
        _all.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } given
            ? parsed.GetValue(given) : null;
}
