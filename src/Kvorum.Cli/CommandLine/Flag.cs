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

    /// <summary>Bytes as text, which may hold some that are no UTF-8.</summary>
    public static Option<byte[]?> Text(string name, string help, string description) => new(name)
    {
        Description = description,
        HelpName = help,
        CustomParser = result => Exact(result, name),
    };

    /// <summary>Bytes in base64.</summary>
    public static Option<byte[]?> Base64(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "base64",
        CustomParser = result => Decode(result, name, Convert.FromBase64String, "base64, such as /wA="),
    };

    /// <summary>Bytes in hexadecimal digits.</summary>
    public static Option<byte[]?> Hex(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "hex",
        CustomParser = result => Decode(
            result, name, Convert.FromHexString, "an even number of hexadecimal digits, such as ff00"),
    };

    /// <summary>A flag of another program, without a meaning here: refused with what to do.</summary>
    public static Option<string> Foreign(string name, string instead)
    {
        var option = new Option<string>(name) { Description = $"No meaning here: {instead}.", Hidden = true };
        option.Validators.Add(result => result.AddError($"{name} has no meaning here: {instead}"));
        return option;
    }

    public static Option<bool> Switch(string name, string description) =>
        new(name) { Description = description };

    /// <summary>A switch that may be left out; alone it is true.</summary>
    public static Option<bool?> OptionalSwitch(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "true|false",
        Arity = ArgumentArity.ZeroOrOne,
        DefaultValueFactory = static _ => null,
        CustomParser = static result => result.Tokens is not [var token] || bool.Parse(token.Value),
    };

    public static Option<Duration> Time(string name, string description, TimeSpan value) => new(name)
    {
        Description = description,
        HelpName = "time",
        DefaultValueFactory = _ => new(value),
        CustomParser = result => Read(result, name, Duration.TryParse, Duration.Wanted),
    };

    /// <summary>A time within bounds.</summary>
    public static Option<Duration> Time(
        string name, string description, TimeSpan value, TimeSpan least, TimeSpan most)
    {
        var option = Time(name, description, value);
        option.Validators.Add(result =>
        {
            // What is no time at all has been told.
            if (result.Tokens is [var token] && Duration.TryParse(token.Value) is { } given
                && (given.Span < least || given.Span > most))
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

    /// <summary>A text of a form of its own that may be left out.</summary>
    /// <param name="name">The flag.</param>
    /// <param name="help">What stands in its place in the help.</param>
    /// <param name="description">What it does.</param>
    /// <param name="parse">Null if the text is not of the form.</param>
    /// <param name="wanted">The form, for people.</param>
    public static Option<T?> OptionalText<T>(
        string name, string help, string description, Func<string, T?> parse, string wanted)
        where T : struct => new(name)
        {
            Description = description,
            HelpName = help,
            DefaultValueFactory = static _ => null,
            CustomParser = result => Read(result, name, parse, wanted),
        };

    /// <summary>A time that may be left out.</summary>
    public static Option<Duration?> OptionalTime(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "time",
        DefaultValueFactory = static _ => null,
        CustomParser = result => Read(result, name, Duration.TryParse, Duration.Wanted),
    };

    /// <summary>A number, or auto, which is null and the default.</summary>
    public static Option<T?> NumberOrAuto<T>(string name, string description)
        where T : struct, IParsable<T> => new(name)
        {
            Description = description,
            HelpName = "number|auto",
            DefaultValueFactory = static _ => null,
            CustomParser = result => result.Tokens[0].Value == "auto" ? null
                : Read<T>(result, name, Parsed<T>, "a whole number, or auto"),
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

    /// <summary>
    /// Addresses of nodes, separated by commas; without the flag those of the environment variable.
    /// </summary>
    public static Option<string[]> Addresses(string name, string description, string variable, string value)
    {
        var option = List(name, "host:port", description, []);
        option.DefaultValueFactory = _ =>
            Addresses(Profile.Get(variable) is { Length: > 0 } set ? set : value);
        option.CustomParser = result => Addresses(result.Tokens[0].Value);
        option.Validators.Add(result =>
        {
            var from = result.Implicit ? variable : name;
            if (result.GetValueOrDefault<string[]>() is not { Length: > 0 } all)
                result.AddError(Mistake(from, "", Address.Wanted));
            else if (all.FirstOrDefault(static one => Address.WhyWrong(one) is not null) is { } wrong)
                result.AddError(Mistake(from, wrong, Address.WhyWrong(wrong)!));
            else if (all.FirstOrDefault(one => all.Count(other => other == one) > 1) is { } twin)
                result.AddError(Mistake(from, twin, "it is there more than once: name each node once"));
        });
        return option;

        static string[] Addresses(string text) =>
        [
            .. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                .Select(Address.Spelled),
        ];
    }

    /// <summary>One of a few words.</summary>
    public static Option<string> Word(string name, string description, string value, params string[] words)
    {
        var option = Text(name, string.Join('|', words), description, value);
        option.CompletionSources.Add(words);
        option.CustomParser = result =>
        {
            var given = result.Tokens[0].Value;
            if (!words.Contains(given, StringComparer.Ordinal))
                result.AddError(Mistake(name, given, $"give {string.Join(" or ", words)}"));
            return given;
        };
        return option;
    }

    /// <summary>How a value that makes no sense is told: flag, value, remedy.</summary>
    public static string Mistake(string name, object value, string remedy) =>
        string.Create(CultureInfo.InvariantCulture, $"{name} '{Short($"{value}")}': {remedy}");

    // Enough to see which it is.
    private static string Short(string value) => value.Length <= 200 ? value : $"{value[..200]}...";

    /// <summary>The bytes of an argument or a flag's value.</summary>
    public static byte[]? Exact(ArgumentResult result, string name) =>
        Decode(result, name, Bytes.Of, "whole characters, or bytes in base64 or hex");

    private static byte[]? Decode(
        ArgumentResult result, string name, Func<string, byte[]> decode, string wanted)
    {
        var text = result.Tokens[0].Value;
        try
        {
            return decode(text);
        }
        catch (FormatException)
        {
            result.AddError(Mistake(name, text, $"give {wanted}"));
            return null;
        }
    }

    private static T? Parsed<T>(string text)
        where T : struct, IParsable<T> =>
            T.TryParse(text, CultureInfo.InvariantCulture, out var value) ? value : null;

    private static T Read<T>(ArgumentResult result, string name, Func<string, T?> read, string wanted)
        where T : struct
    {
        var text = result.Tokens[0].Value;
        if (read(text) is { } value)
            return value;
        result.AddError(Mistake(name, text, $"give {wanted}"));
        return default;
    }
}
