using System.Globalization;
using Microsoft.Extensions.Primitives;

namespace Kvorum.Server.Http;

/// <summary>
/// What If-Match or If-None-Match holds (RFC 9110, 13.1): "*", or a list of entity tags, weak ones marked W/.
/// A key's value has its version as strong tag, a JSON answer about it the same as weak tag.
/// </summary>
internal sealed class EntityTags
{
    private const string Wanted = "it is * or versions in quotes, as ETag gives them";

    private readonly List<(bool IsWeak, string Opaque)> _tags = [];

    private EntityTags()
    {
    }

    /// <summary>True for "*": whatever there is.</summary>
    public bool IsAny { get; private init; }

    /// <summary>
    /// The version, if the list is one strong tag that can be a version's: the store itself can check it.
    /// </summary>
    public ulong? Version => _tags is [{ IsWeak: false, Opaque: var opaque }]
        && ulong.TryParse(opaque, NumberStyles.None, CultureInfo.InvariantCulture, out var version)
        && version > 0 && TextOf(version) == opaque
            ? version
            : null;

    /// <summary>The tag of a version's exact bytes.</summary>
    public static string Strong(ulong version) => $"\"{TextOf(version)}\"";

    /// <summary>The tag of JSON about a version: it names a leader too, which may change.</summary>
    public static string Weak(ulong version) => $"W/{Strong(version)}";

    /// <summary>Reads a header; null if it is absent, 400 if it is malformed.</summary>
    public static EntityTags? Of(string name, StringValues header)
    {
        if (header.Count == 0)
            return null;
        var text = string.Join(',', header.ToArray());
        if (text.Trim() == "*")
            return new() { IsAny = true };
        var tags = new EntityTags();
        for (var rest = text.AsSpan().TrimStart(" \t,"); !rest.IsEmpty; rest = rest.TrimStart(" \t,"))
        {
            var isWeak = rest.StartsWith("W/", StringComparison.Ordinal);
            var quoted = isWeak ? rest[2..] : rest;
            var end = quoted.Length > 0 && quoted[0] == '"' ? quoted[1..].IndexOf('"') : -1;
            rest = end < 0 ? quoted : quoted[(end + 2)..].TrimStart(" \t");
            if (end < 0 || (!rest.IsEmpty && rest[0] != ','))
                throw HttpFailure.Invalid($"{name} is '{HttpFailure.Shown(text)}'; {Wanted}");
            tags._tags.Add((isWeak, quoted.Slice(1, end).ToString()));
        }

        return tags._tags.Count > 0
            ? tags
            : throw HttpFailure.Invalid($"{name} is empty; {Wanted}");
    }

    /// <summary>
    /// Strong comparison (RFC 9110, 8.8.3.2): true if the exact bytes of this version are named. 0 is none.
    /// </summary>
    public bool HasStrong(ulong version) =>
        version > 0 && (IsAny || _tags.Contains((false, TextOf(version))));

    /// <summary>Weak comparison: true if the version is named, as weak or as strong tag. 0 is none.</summary>
    public bool HasWeak(ulong version) =>
        version > 0 && (IsAny || _tags.Any(tag => tag.Opaque == TextOf(version)));

    private static string TextOf(ulong version) => version.ToString(CultureInfo.InvariantCulture);
}
