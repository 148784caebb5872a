using System.Collections;

namespace Kvorum.Server.Grpc;

/// <summary>
/// Metadata sent after the last message ("gRPC over HTTP2", Custom-Metadata): names of digits, lower-case
/// letters, '_', '-' and '.'; values of printable ASCII, or any bytes under a name that ends in "-bin". Owned
/// by one call.
/// </summary>
public sealed class GrpcTrailers : IEnumerable<KeyValuePair<string, string>>
{
    private readonly List<KeyValuePair<string, string>> _entries = [];

    /// <summary>How many entries there are.</summary>
    public int Count => _entries.Count;

    /// <summary>Adds text. <see cref="ArgumentException"/> if name or value cannot travel.</summary>
    public void Add(string name, string value)
    {
        if (name.EndsWith("-bin", StringComparison.Ordinal))
            throw new ArgumentException($"'{name}' carries bytes, not text", nameof(name));
        if (value.AsSpan().ContainsAnyExceptInRange(' ', '~'))
            throw new ArgumentException($"the value of '{name}' is not printable ASCII", nameof(value));
        AddChecked(name, value);
    }

    /// <summary>Adds bytes under a name that ends in "-bin"; they travel as base64 without padding.</summary>
    public void Add(string name, ReadOnlySpan<byte> value)
    {
        if (!name.EndsWith("-bin", StringComparison.Ordinal))
            throw new ArgumentException($"'{name}' must end in '-bin' to carry bytes", nameof(name));
        AddChecked(name, Convert.ToBase64String(value).TrimEnd('='));
    }

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, string>> GetEnumerator() => _entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private void AddChecked(string name, string value)
    {
        if (name.Length == 0 || !name.All(IsOfName))
            throw new ArgumentException($"'{name}' is not a metadata name", nameof(name));
        _entries.Add(new(name, value));
    }

    private static bool IsOfName(char c) =>
        char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '_' or '-' or '.';
}
