using System.CommandLine;
using System.CommandLine.Parsing;
using Kvorum.Cli.CommandLine;

namespace Kvorum.Cli.Commands;

/// <summary>
/// The key of a command, and the value of one that writes: words, or flags for bytes. What a flag gives takes
/// no word, so that the next word is the value.
/// </summary>
internal sealed class KeyInput
{
    private readonly Argument<byte[]?> _first = Word("key", "The key, exactly as it is; or --key-base64.");

    private readonly Argument<byte[]?> _second = Word(
        "value",
        "The value, exactly as it is; or --value-base64. - or --stdin takes it from standard input.");

    private readonly Option<bool> _stdin =
        Flag.Switch("--stdin", "Take the value from standard input, to its end, byte by byte.");

    private readonly BytesFlags _key = new("key", "The key");
    private readonly BytesFlags _value = new("value", "The value");
    private readonly bool _withValue;

    private readonly bool _isOptional;

    private KeyInput(bool withValue, bool isOptional = false) =>
        (_withValue, _isOptional) = (withValue, isOptional);

    public static KeyInput Key() => new(withValue: false);

    /// <summary>A key or none: <see cref="IsGiven(ParseResult)"/> tells.</summary>
    public static KeyInput KeyOrNone() => new(withValue: false, isOptional: true);

    public static KeyInput KeyAndValue() => new(withValue: true);

    public void AddTo(Command command)
    {
        command.Arguments.Add(_first);
        if (_withValue)
            command.Arguments.Add(_second);
        _key.AddTo(command);
        if (_withValue)
        {
            _value.AddTo(command);
            command.Options.Add(_stdin);
        }

        command.Validators.Add(result =>
        {
            var words = Words(result);
            if (_isOptional && words == 0 && _key.Count(result) == 0)
                return;
            var forKey = 1 - _key.Count(result);
            var forValue = !_withValue ? 0
                : 1 - _value.Count(result) - (result.GetValue(_stdin) ? 1 : 0);
            if (forKey < 0 || forValue < 0 || words != forKey + forValue)
                result.AddError(_withValue
                    ? "give the key and either a value or --stdin; bytes that are no text with "
                        + $"{_key.Names}, {_value.Names}"
                    : $"give one key, as a word or with {_key.Names}");
        });
    }

    /// <summary>True if there is a key.</summary>
    public bool IsGiven(ParseResult parsed) =>
        _key.Given(parsed) is not null || parsed.GetResult(_first) is { Tokens.Count: > 0 };

    /// <summary>The key.</summary>
    public byte[] KeyOf(ParseResult parsed) => _key.Given(parsed) ?? parsed.GetValue(_first)!;

    /// <summary>The value; null if it is to be read from standard input.</summary>
    public byte[]? ValueOf(ParseResult parsed)
    {
        if (_value.Given(parsed) is { } given)
            return given;
        var word = parsed.GetValue(_key.Given(parsed) is null ? _second : _first);
        return parsed.GetValue(_stdin) || word is [(byte)'-'] ? null : word;
    }

    private int Words(CommandResult result) => (IsGiven(result, _first) ? 1 : 0)
        + (_withValue && IsGiven(result, _second) ? 1 : 0);

    private static bool IsGiven(CommandResult result, Argument argument) =>
        result.GetResult(argument) is { Tokens.Count: > 0 };

    private static Argument<byte[]?> Word(string name, string description) => new(name)
    {
        Description = description,
        Arity = ArgumentArity.ZeroOrOne,
        CustomParser = result => Flag.Exact(result, name),
    };
}
