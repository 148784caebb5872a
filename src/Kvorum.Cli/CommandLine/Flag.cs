using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Kvorum.Cli.CommandLine;

/// <summary>Makes options whose mistakes are told with flag, value and remedy.</summary>
internal static class Flag
{
    public static Option<string> Text(string name, string help, string description, string value) => new(name)
    {
        Description = description,
        HelpName = help,
        DefaultValueFactory = _ => value,
    };

    public static Option<bool> Switch(string name, string description) =>
        new(name) { Description = description };

    public static Option<Duration> Time(string name, string description, TimeSpan value) => new(name)
    {
        Description = description,
        HelpName = "time",
        DefaultValueFactory = _ => new(value),
        CustomParser = result => Read(result, name, Duration.TryParse, "a time such as 100ms, 1.5s or 2m"),
    };

    /// <summary>A time within bounds.</summary>
    public static Option<Duration> Time(
        string name, string description, TimeSpan value, TimeSpan least, TimeSpan most)
    {
        var option = Time(name, description, value);
        option.Validators.Add(result =>
        {
            var given = result.GetValueOrDefault<Duration>();
            if (given.Span < least || given.Span > most)
                result.AddError(Mistake(name, given, $"give {new Duration(least)} to {new Duration(most)}"));
        });
        return option;
    }

    public static Option<T> Number<T>(string name, string description, T value)
        where T : struct, IParsable<T> => new(name)
        {
            Description = description,
            HelpName = "number",
            DefaultValueFactory = _ => value,
            CustomParser = result => Read(result, name, Parsed<T>, "a whole number"),
        };

    /// <summary>Bytes in a second, or none, which is 0.</summary>
    public static Option<long> Rate(string name, string description, long value) => new(name)
    {
        Description = description,
        HelpName = "number|none",
        DefaultValueFactory = _ => value,
        CustomParser = result => Read(
            result, name, text => text == "none" ? 0 : Parsed<long>(text), "bytes in a second, or none"),
    };

    /// <summary>A number that may be left out.</summary>
    public static Option<T?> OptionalNumber<T>(string name, string description)
        where T : struct, IParsable<T> => new(name)
        {
            Description = description,
            HelpName = "number",
            DefaultValueFactory = static _ => null,
            CustomParser = result => Read<T>(result, name, Parsed<T>, "a whole number"),
        };

    /// <summary>Values separated by commas.</summary>
    public static Option<string[]> List(
        string name, string help, string description, IEnumerable<string> values) => new(name)
        {
            Description = description,
            HelpName = help,
            DefaultValueFactory = _ => [.. values],
            CustomParser = result => result.Tokens[0].Value.Split(
                ',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
        };

    /// <summary>One of a few words.</summary>
    public static Option<string> Word(string name, string description, string value, params string[] words)
    {
        var option = Text(name, string.Join('|', words), description, value);
        option.CustomParser = result =>
        {
            string given = result.Tokens[0].Value;
            if (!words.Contains(given, StringComparer.Ordinal))
                result.AddError(Mistake(name, given, $"give {string.Join(" or ", words)}"));
            return given;
        };
        return option;
    }

    /// <summary>How a value that makes no sense is told: flag, value, remedy.</summary>
    public static string Mistake(string name, object value, string remedy) =>
        string.Create(CultureInfo.InvariantCulture, $"{name} '{value}': {remedy}");

    private static T? Parsed<T>(string text)
        where T : struct, IParsable<T> =>
            T.TryParse(text, CultureInfo.InvariantCulture, out var value) ? value : null;

    private static T Read<T>(ArgumentResult result, string name, Func<string, T?> read, string wanted)
        where T : struct
    {
        string text = result.Tokens[0].Value;
        if (read(text) is { } value)
            return value;
        result.AddError(Mistake(name, text, $"give {wanted}"));
        return default;
    }
}
