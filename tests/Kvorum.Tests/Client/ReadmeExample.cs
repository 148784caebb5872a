using Kvorum.Client;

namespace Kvorum.Tests.Client;

/// <summary>
/// The example that the README shows: what is between the markers stands there, word for word.
/// </summary>
internal static class ReadmeExample
{
    public static async Task Run(string addresses, TextWriter output)
    {
        // README begins
        await using var client = KvorumClient.Connect(new KvorumClientOptions
        {
            Addresses = addresses.Split(','),    // e.g. "127.0.0.1:50051,127.0.0.1:50052,127.0.0.1:50053"
            Timeout = TimeSpan.FromSeconds(2),   // the deadline of each call, retries included
        });

        var put = await client.PutAsync("mykey", "myvalue");
        await output.WriteLineAsync($"put: version={put.Version}");

        var got = await client.GetAsync("mykey");
        await output.WriteLineAsync(got.Found ? $"get: value={got.Text}" : "get: not found");
        // README ends
    }
}
