using Microsoft.AspNetCore.Http;

namespace Kvorum.Server.Http;

/// <summary>
/// A path with parameters: whole segments, percent-decoded to text. It is held against the path as it was
/// written, letter by letter, as all paths here are.
/// </summary>
/// <param name="pattern">Such as <c>/v1/admin/nodes/{name}/drain</c>.</param>
internal sealed class PathTemplate(string pattern)
{
    private readonly string[] _segments = pattern.Split('/');

    // What routing sees: parameters that it cannot misread.
    private readonly string _plain = pattern.Replace("{", "", StringComparison.Ordinal)
        .Replace("}", "", StringComparison.Ordinal);

    /// <summary>
    /// Runs before routing: takes the parameters from the raw path, if it is one of these. 400 if one of them
    /// is no text.
    /// </summary>
    public bool TryTake(HttpContext http)
    {
        var given = RequestTarget.PathOf(http).Split('/');
        if (given.Length != _segments.Length)
            return false;
        for (var i = 0; i < given.Length; i++)
        {
            if (IsParameter(_segments[i]) ? given[i].Length == 0 : given[i] != _segments[i])
                return false;
        }

        var values = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < given.Length; i++)
        {
            if (IsParameter(_segments[i]))
            {
                var name = _segments[i][1..^1];
                values[name] = RequestTarget.Text(name, RequestTarget.Decode(given[i], isQuery: false));
            }
        }

        http.Request.Path = _plain;
        http.Features.Set(new PathParameters(values));
        return true;
    }

    private static bool IsParameter(string segment) => segment.StartsWith('{');
}

/// <summary>The parameters of a path.</summary>
internal sealed class PathParameters(IReadOnlyDictionary<string, string> values)
{
    /// <summary>The text of one.</summary>
    public string Text(Field field) => values[field.Name];
}
