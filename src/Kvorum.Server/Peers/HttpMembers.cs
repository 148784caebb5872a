using System.Text.Json;

namespace Kvorum.Server.Peers;

/// <summary>
/// Members, as one of them tells where it serves HTTP: so that a node may be given any port of a member to
/// join its cluster.
/// </summary>
internal static class HttpMembers
{
    private const int AnswerBytesMax = 1 << 20;

    /// <summary>Where the members serve nodes; none if this is no member's HTTP port.</summary>
    public static async Task<IReadOnlyList<string>> Of(string address, CancellationToken cancel)
    {
        using var handler = new SocketsHttpHandler { UseProxy = false };
        using var http = new HttpClient(handler) { MaxResponseContentBufferSize = AnswerBytesMax };
        using var question = new HttpRequestMessage(HttpMethod.Get, $"http://{address}/v1/admin/nodes");
        // Under that name every node may be asked, whatever it is called here.
        question.Headers.Host = "localhost";
        try
        {
            using var answer = await http.SendAsync(question, cancel).ConfigureAwait(false);
            using var told = JsonDocument.Parse(
                await answer.Content.ReadAsByteArrayAsync(cancel).ConfigureAwait(false));
            return
            [
                .. told.RootElement.GetProperty("members").EnumerateArray()
                    .Select(static member => member.GetProperty("peer_address").GetString() ?? ""),
            ];
        }
        catch (Exception e) when (e is HttpRequestException or JsonException or KeyNotFoundException
            or InvalidOperationException or OperationCanceledException)
        {
            return [];
        }
    }
}
