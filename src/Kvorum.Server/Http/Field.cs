namespace Kvorum.Server.Http;

/// <summary>How a field is written.</summary>
internal enum FieldKind
{
    /// <summary>Text in UTF-8.</summary>
    Text,

    /// <summary>Any bytes, percent-encoded.</summary>
    Bytes,

    /// <summary>Any bytes, as base64.</summary>
    Base64,

    /// <summary>A number from 0 to 2^64 - 1.</summary>
    Number,

    /// <summary>true or false; false if absent.</summary>
    Flag,
}

/// <summary>
/// A value that a request or an answer carries by name: as a query parameter, a header or a member of a JSON
/// body. Stated once: parsers read by it, and the OpenAPI document tells it.
/// </summary>
/// <param name="Name">As it is written.</param>
/// <param name="Kind">How its value is written.</param>
/// <param name="Description">For people.</param>
internal sealed record Field(string Name, FieldKind Kind, string Description)
{
    /// <summary>The only texts that it may be; empty for any.</summary>
    public string[] Choices { get; init; } = [];

    /// <summary>What its absence means; null if nothing.</summary>
    public string? Default { get; init; }

    /// <summary>Some of what it may be.</summary>
    public string[] Examples { get; init; } = [];

    /// <summary>True if one of the fields has this name.</summary>
    public static bool IsAmong(
        Field[] fields, string name, StringComparison comparison = StringComparison.Ordinal)
    {
        foreach (var field in fields)
        {
            if (field.Name.Equals(name, comparison))
                return true;
        }

        return false;
    }

    /// <summary>The text, or the default if there is none; 400 if it is no choice.</summary>
    public string? Chosen(string? text)
    {
        if (text is not null && !Choices.Contains(text, StringComparer.Ordinal))
            throw HttpFailure.Invalid(
                $"{Name} is '{HttpFailure.Shown(text)}'; it is {string.Join(", ", Choices[..^1])} or "
                + Choices[^1]);
        return text ?? Default;
    }
}
