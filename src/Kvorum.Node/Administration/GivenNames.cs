using System.Text.RegularExpressions;

namespace Kvorum.Node.Administration;

/// <summary>Names that operators give: to keyspaces, users and roles.</summary>
internal static partial class GivenNames
{
    /// <summary>True if the text can be a name.</summary>
    public static bool IsName(string text) => Name().IsMatch(text);

    /// <summary>Why a text cannot be the name of such a thing; null if it can.</summary>
    public static string? WhyNot(string what, string text) => IsName(text) ? null
        : $"'{Refusal.Shown(text)}' cannot be the name of a {what}: it has 1 to "
            + $"{Protocol.Limits.KeyspaceBytesMax} letters a-z, A-Z, digits, '.', '_' and '-', and begins "
            + "with a letter or a digit";

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z")]
    private static partial Regex Name();
}
