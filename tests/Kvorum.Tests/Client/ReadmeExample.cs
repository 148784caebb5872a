using Kvorum.Client;

namespace Kvorum.Tests.Client;

/// <summary>
/// The example that the README shows: what is between the markers stands there, but for the addresses and the
/// output, which a test chooses.
/// </summary>
internal static class ReadmeExample
{
    public static async Task Run(string[] addresses, TextWriter output)
    {
        // README begins
        await using var client = KvorumClient.Connect(new KvorumClientOptions
        {
            Addresses = addresses,
            Timeout = TimeSpan.FromSeconds(2),
        });

        var put = await client.PutAsync("mykey", "myvalue");
        output.WriteLine($"put: version={put.Version}");

        var got = await client.GetAsync("mykey");
        output.WriteLine(got.Found ? $"get: value={got.Text}" : "get: not found");

        await client.DeleteAsync("mykey");

        await foreach (var found in client.ScanAsync("user:"))
            output.WriteLine($"{found.KeyText} = {found.Text}");
        // README ends
    }
}
