using System.Security.Cryptography;
using System.Text;

namespace Kvorum.Tests.Cli;

/// <summary>
/// A node that knows secrets, and everything that it writes, logs and shows: they are nowhere in it.
/// </summary>
public sealed class SecretsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kvorum-secrets-").FullName;
    private readonly ServerPlace _place = ServerPlace.Free(1)[0];

    private static CancellationToken Deadline => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _place.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact(Timeout = 120_000)]
    public async Task Private_keys_are_in_their_files_and_nowhere_else()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "looks into /proc");
        string[] client =
        [
            "--addr", _place.Addr, "--tls-ca", At("certs/ca.crt"), "--tls-cert", At("certs/client.crt"),
            "--tls-key", At("certs/client.key"),
        ];
        await using var node = KvorumProcess.StartIn(
            _folder, ["start", "--secure", .. _place.Flags[..^2], "--data", "data", "--audit-log",
                "audit.log", "--log-level", "trace"]);
        await node.Says("is ready", seconds: 60);
        var shown = new StringBuilder();
        foreach (var args in new string[][]
        {
            ["put", "k", "v", .. client], ["status", .. client], ["status", "--json", .. client],
            ["keyspace", "create", "more", "--partitions", "1", "--replicas", "1", .. client],
            ["cluster", "show", .. client], ["get", "k", "--addr", _place.Addr],
            // A client that is told what is wrong with its own files.
            ["get", "k", .. client[..6], "--tls-key", At("certs/ca.key")],
            ["start", "--data", At("other"), "--tls-cert", At("certs/node-1.crt"), "--tls-ca",
                At("certs/ca.crt"), "--tls-key", At("certs/client.key")],
        })
        {
            var (_, output, errors) = await KvorumProcess.Run(args);
            shown.Append(output).Append(errors);
        }

        // A key that is replaced by nonsense is told of.
        var key = At("certs/node-1.key");
        var good = await File.ReadAllTextAsync(key, Deadline);
        await File.WriteAllTextAsync(
            key, good.Replace("END PRIVATE", "END", StringComparison.Ordinal), Deadline);
        await node.Says("the files have changed and are not taken", seconds: 20);
        await File.WriteAllTextAsync(key, good, Deadline);

        var secrets = Secrets("ca", "node-1", "client");
        Assert.True(secrets.Length > 12);
        // What looks for them finds them where they are.
        Assert.Contains(secrets, secret => Holds(File.ReadAllBytes(key), secret));
        NotIn(secrets, "what commands print", Encoding.UTF8.GetBytes(shown.ToString()));
        foreach (var name in new[] { "cmdline", "environ", "comm" })
        {
            NotIn(
                secrets, $"/proc/.../{name}",
                await File.ReadAllBytesAsync($"/proc/{node.Id}/{name}", Deadline));
        }

        node.Terminate();
        Assert.Equal(0, await node.Exit());
        NotIn(secrets, "the log", Encoding.UTF8.GetBytes(node.Output + node.Errors));
        var files = Directory.GetFiles(_folder, "*", SearchOption.AllDirectories)
            .Where(static file => !file.EndsWith(".key", StringComparison.Ordinal)
                && !file.EndsWith("-socket", StringComparison.Ordinal)).ToArray();
        Assert.Contains(At("audit.log"), files);
        foreach (var file in files)
            NotIn(secrets, file, await File.ReadAllBytesAsync(file, Deadline));
    }

    private static void NotIn(byte[][] secrets, string where, byte[] bytes) =>
        Assert.False(Array.Exists(secrets, secret => Holds(bytes, secret)), $"there is a key in {where}");

    private static bool Holds(byte[] bytes, byte[] secret) => bytes.AsSpan().IndexOf(secret) >= 0;

    private string At(string name) => Path.Combine(_folder, name);

    /// <summary>Each key as it may show itself: lines of its file, its number, raw and in digits.</summary>
    private byte[][] Secrets(params string[] names) =>
    [
        .. names.SelectMany(name =>
        {
            var pem = File.ReadAllText(At($"certs/{name}.key"));
            using var key = ECDsa.Create();
            key.ImportFromPem(pem);
            var number = key.ExportParameters(true).D!;
            return new[]
            {
                number, Ascii(Convert.ToHexString(number)), Ascii(Convert.ToHexStringLower(number)),
                Ascii(Convert.ToBase64String(number)),
            }.Concat(pem.Split('\n').Where(static line => line.Length > 40).Select(Ascii));
        }),
    ];

    private static byte[] Ascii(string text) => Encoding.ASCII.GetBytes(text);
}
