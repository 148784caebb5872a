using System.Runtime.CompilerServices;

namespace Kvorum.Tests.Client;

public class ReadmeExampleTests
{
    private const string ReadmeAddresses = "\"127.0.0.1:50051\", \"127.0.0.1:50052\", \"127.0.0.1:50053\"";

    [Fact]
    public async Task It_puts_gets_and_deletes()
    {
        await using var cluster = new FakeCluster();
        await using (var client = cluster.Connect())
            await client.PutAsync("user:1", "alice",
                cancellationToken: TestContext.Current.CancellationToken);
        var output = new StringWriter();
        await ReadmeExample.Run(cluster.Addresses.Split(','), output);
        Assert.Equal("put: version=2\nget: value=myvalue\nuser:1 = alice\n",
            output.ToString().ReplaceLineEndings("\n"));
    }

    [Fact]
    public void The_README_shows_what_compiles()
    {
        var folder = Path.GetDirectoryName(ThisFile())!;
        var lines = File.ReadAllLines(Path.Combine(folder, "ReadmeExample.cs"));
        var example = Between(lines, "// README begins", "// README ends")
            .Replace("Addresses = addresses,", $"Addresses = [{ReadmeAddresses}],", StringComparison.Ordinal)
            .Replace("output.", nameof(Console) + ".", StringComparison.Ordinal);
        var readme = Readme(folder);
        Assert.True(
            Blocks(File.ReadAllLines(readme)).Any(block => block.Contains(example, StringComparison.Ordinal)),
            $"No ```csharp block of {readme} contains:\n{example}");
    }

    private static string Readme(string folder)
    {
        for (var at = new DirectoryInfo(folder); at is not null; at = at.Parent)
        {
            var readme = Path.Combine(at.FullName, "README.md");
            if (File.Exists(readme))
                return readme;
        }

        throw new FileNotFoundException($"No README.md above {folder}.");
    }

    private static IEnumerable<string> Blocks(string[] lines)
    {
        for (var i = 0; i < lines.Length; i++)
        {
            if (lines[i].Trim() == "```csharp")
                yield return Text(lines[(i + 1)..].TakeWhile(line => line.Trim() != "```"));
        }
    }

    private static string Between(string[] lines, string begin, string end) => Text(
        lines.SkipWhile(line => line.Trim() != begin).Skip(1).TakeWhile(line => line.Trim() != end));

    /// <summary>Without indentation and empty lines at the ends: these differ for good reasons.</summary>
    private static string Text(IEnumerable<string> lines)
    {
        var all = lines.ToArray();
        var indent = all.Where(
            line => line.Trim().Length > 0).Min(line => line.Length - line.TrimStart().Length);
        return string.Join(
            '\n', all.Select(line => line.Length > indent ? line[indent..].TrimEnd() : "")).Trim();
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
