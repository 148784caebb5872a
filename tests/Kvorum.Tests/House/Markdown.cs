using System.Text;
using System.Text.RegularExpressions;

namespace Kvorum.Tests.House;

/// <summary>What the tests need to know of a markdown file: titles, links, and blocks of commands.</summary>
public sealed partial class Markdown
{
    private readonly List<string> _headings = [];
    private readonly List<string> _links = [];
    private readonly List<(string Language, string Line)> _code = [];

    /// <summary>Reads a file's text.</summary>
    public Markdown(string text)
    {
        string? fence = null;
        foreach (var line in text.ReplaceLineEndings("\n").Split('\n'))
        {
            if (line.TrimStart().StartsWith("```", StringComparison.Ordinal))
                fence = fence is null ? line.Trim()[3..] : null;
            else if (fence is not null)
                _code.Add((fence, line));
            else if (line.StartsWith('#'))
                _headings.Add(line);
            if (fence is null)
            {
                var links = Link().Matches(InlineCode().Replace(line, ""));
                _links.AddRange(links.Select(match => match.Groups[1].Value));
            }
        }
    }

    /// <summary>Headings of the first level.</summary>
    public int Titles => _headings.Count(heading => heading.StartsWith("# ", StringComparison.Ordinal));

    /// <summary>Targets of links that do not leave the repository.</summary>
    public IEnumerable<string> LocalLinks =>
        _links.Where(link => !link.Contains("://", StringComparison.Ordinal));

    /// <summary>The names by which links reach headings.</summary>
    public IEnumerable<string> Anchors => _headings.Select(Anchor);

    /// <summary>
    /// The commands in blocks of shell, with continued lines joined and comments, prompts and output removed:
    /// a line that begins with "./" or "$ ./".
    /// </summary>
    public IEnumerable<string> Commands()
    {
        var joined = new StringBuilder();
        foreach (var (language, line) in _code)
        {
            if (language is not ("sh" or "console"))
                continue;
            var part = joined.Length > 0 ? line.Trim() : line.Trim().TrimStart('$').Trim();
            if (joined.Length == 0 && !part.StartsWith("./", StringComparison.Ordinal))
                continue;
            joined.Append(part.TrimEnd('\\'));
            if (part.EndsWith('\\'))
                continue;
            yield return Comment().Replace(joined.ToString(), "").Trim();
            joined.Clear();
        }
    }

    private static string Anchor(string heading) =>
        NotInAnchors().Replace(heading.TrimStart('#').Trim().ToLowerInvariant(), "").Replace(' ', '-');

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("`[^`]*`")]
    private static partial Regex InlineCode();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchors();

    [GeneratedRegex(@"\s#.*$|\s&(\s.*)?$")]
    private static partial Regex Comment();
}
