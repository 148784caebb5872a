using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Kvorum.Tests.Server.Http.OpenApi;

namespace Kvorum.Tests.Server.Http;

/// <summary>
/// What HTTP tests share: requests whose target is sent as written, and answers held against the OpenAPI
/// document.
/// </summary>
public abstract class HttpTest(HttpFixture fixture) : IClassFixture<HttpFixture>
{
    internal static readonly UriCreationOptions AsWritten =
        new() { DangerousDisablePathAndQueryCanonicalization = true };

    private Description? _description;

    internal DictionaryNode Node => fixture.Node;

    internal HttpFixture Fixture => fixture;

    internal async Task<Answer> SendAsync(
        string method, string target, byte[]? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(
            new(method), new Uri($"http://{fixture.Server.EndPoint}{target}", AsWritten));
        if (body is not null)
            request.Content = new ByteArrayContent(body);
        foreach (var (name, value) in headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
                request.Content!.Headers.TryAddWithoutValidation(name, value);
        }

        using var response = await fixture.Client.SendAsync(request, TestContext.Current.CancellationToken);
        var bytes = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        var answer = new Answer((int)response.StatusCode, bytes, response.Headers, response.Content.Headers);
        var description = await DescriptionAsync();
        if (description.PatternOf(target) is { } pattern)
            description.Check(pattern, method, answer);

        return answer;
    }

    /// <summary>
    /// Sends a request as written, one byte for each character and CRLF for each line end, and reads the
    /// connection to its end; with <paramref name="closeOutput"/> the request ends where it is cut.
    /// </summary>
    internal async Task<string> RawAsync(string request, bool closeOutput = false)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(fixture.Server.EndPoint, TestContext.Current.CancellationToken);
        var stream = socket.GetStream();
        await stream.WriteAsync(
            Encoding.Latin1.GetBytes(request.ReplaceLineEndings("\r\n")),
            TestContext.Current.CancellationToken);
        if (closeOutput)
            socket.Client.Shutdown(SocketShutdown.Send);
        var answer = new MemoryStream();
        try
        {
            await stream.CopyToAsync(answer, TestContext.Current.CancellationToken);
        }
        catch (IOException)
        {
            // The server closed while something of the request was still on its way: what came counts.
        }

        return Encoding.UTF8.GetString(answer.ToArray());
    }

    internal Task<Answer> SetAsync(string json) => SendAsync("POST", "/kv/set", Encoding.UTF8.GetBytes(json));

    internal async Task<Description> DescriptionAsync()
    {
        if (_description is null)
        {
            var json = await fixture.Client.GetStringAsync(
                new Uri($"http://{fixture.Server.EndPoint}/openapi/v1.json"));
            _description = new(JsonDocument.Parse(json).RootElement);
        }

        return _description;
    }

    internal sealed record Answer(
        int Status, byte[] Bytes, HttpResponseHeaders Headers, HttpContentHeaders ContentHeaders)
    {
        public bool IsJson => ContentHeaders.ContentType?.MediaType == "application/json";

        public string Text => Encoding.UTF8.GetString(Bytes);

        public JsonElement Json => JsonDocument.Parse(Bytes).RootElement;

        public string Error => Json.GetProperty("error").GetString()!;

        public string Message => Json.GetProperty("message").GetString()!;

        /// <summary>A text member of the JSON.</summary>
        public string? Member(string name) => Json.GetProperty(name).GetString();

        public string Header(string name) => Headers.GetValues(name).Single();
    }
}
