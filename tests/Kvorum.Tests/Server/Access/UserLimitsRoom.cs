using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using Kvorum.Node.Access;
using Kvorum.Protocol;
using Kvorum.Server;
using Kvorum.Server.Access;
using Kvorum.Server.Grpc;
using Kvorum.Server.Http;
using Kvorum.Server.Listeners;
using Kvorum.Server.Native;
using Kvorum.Tests.Server.Grpc;
using Kvorum.Tests.Server.Native;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvorum.Tests.Server.Access;

/// <summary>All three front ends over one door with small bounds, and two users.</summary>
internal sealed class UserLimitsRoom : IAsyncDisposable
{
    private static readonly (string Id, string Key, byte[] Hash) GreedyKey = ApiKey.Draw();
    private static readonly (string Id, string Key, byte[] Hash) OtherKey = ApiKey.Draw();

    private readonly ClientListener _clients;
    private readonly GrpcServer _grpc;
    private readonly HttpServer _http;

    private UserLimitsRoom(UserBounds bounds)
    {
        var lines = new SourceLines(NullLogger.Instance, TimeProvider.System);
        Limits = new(bounds, lines, NullLogger.Instance);
        Node.Access = AccessTable.Empty
            .With(new RoleRecord("own", [
                new(KeyspaceName.Default, ReadOnlyMemory<byte>.Empty,
                    AccessActions.Read | AccessActions.Write | AccessActions.Scan),
                new("*", ReadOnlyMemory<byte>.Empty, AccessActions.Status)]))
            .With(new UserRecord("greedy", ["own"], IsDisabled: false))
            .With(new UserRecord("other", ["own"], IsDisabled: false))
            .With(new ApiKeyRecord(GreedyKey.Id, "greedy", GreedyKey.Hash, 1, 0))
            .With(new ApiKeyRecord(OtherKey.Id, "other", OtherKey.Hash, 1, 0)) with
        {
            IsOn = true,
        };
        Door = new(Node, 60_000, TimeProvider.System, lines, NullLogger.Instance) { Users = Limits };
        var traffic = new TrafficRoom(TrafficRoom.BytesMin);
        _clients = new(new()
        {
            EndPoint = new(IPAddress.Loopback, 0),
            NodeName = "n1",
            ClusterId = static () => Guid.Empty,
            Traffic = traffic,
        });
        _grpc = GrpcServer.Create(Door, new() { Traffic = traffic }, _clients.Others, _clients.EndPoint);
        _http = HttpServer.Create(Door, new() { EndPoint = new(IPAddress.Loopback, 0), Traffic = traffic });
    }

    public static string Greedy => GreedyKey.Key;

    public static string Other => OtherKey.Key;

    public DictionaryNode Node { get; } = new();

    public NodeDoor Door { get; }

    public UserLimits Limits { get; }

    public IPEndPoint Clients => _clients.EndPoint;

    /// <summary>What the greedy user has now.</summary>
    public (int Connections, int Requests) Has =>
        Limits.Find(new(IsSigned: false, "greedy")) is { } places ? (places.Connections, places.Requests)
            : default;

    private static CancellationToken Ending => TestContext.Current.CancellationToken;

    public static async Task<UserLimitsRoom> OpenAsync(UserBounds bounds)
    {
        var room = new UserLimitsRoom(bounds);
        await room._grpc.StartAsync(Ending);
        await room._http.StartAsync(Ending);
        room._clients.Start(room.Door);
        return room;
    }

    public async ValueTask DisposeAsync()
    {
        await _http.DisposeAsync();
        await _grpc.DisposeAsync();
        await _clients.DisposeAsync();
    }

    /// <summary>A native client that has shown its key.</summary>
    public RawClient Native(string key)
    {
        var client = RawClient.Greeted(Clients);
        client.Send(writer => NativeCodec.WriteCredential(writer, key));
        return client;
    }

    /// <summary>A request of HTTP: status, body, and whether the server ends the connection.</summary>
    public async Task<(int Status, string Body, bool Closes)> HttpAsync(
        HttpClient client, string key, string target, CancellationToken cancelled = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://{_http.EndPoint}{target}");
        request.Headers.Authorization = new("Bearer", key);
        using var response = await client.SendAsync(request, cancelled);
        return (
            (int)response.StatusCode, await response.Content.ReadAsStringAsync(cancelled),
            response.Headers.ConnectionClose == true);
    }

    /// <summary>A call of gRPC: its status and message.</summary>
    public async Task<(string Status, string Message, string Retry)> GrpcAsync(
        HttpClient client, string key, string path, byte[] body, CancellationToken cancelled = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{Clients}{path}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body),
        };
        request.Headers.Add("te", "trailers");
        request.Headers.Authorization = new("Bearer", key);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        using var response = await client.SendAsync(request, cancelled);
        await response.Content.ReadAsByteArrayAsync(cancelled);
        return (Of("grpc-status"), Uri.UnescapeDataString(Of("grpc-message")), Of("kvorum-retry"));

        string Of(string name) =>
            response.Headers.TryGetValues(name, out var early) ? early.Single()
            : response.TrailingHeaders.TryGetValues(name, out var late) ? late.Single() : "";
    }

    /// <summary>A read by gRPC.</summary>
    public Task<(string Status, string Message, string Retry)> GrpcGetAsync(
        HttpClient client, string key, string what, CancellationToken cancelled = default) => GrpcAsync(
        client, key, "/kvorum.v1.KV/Get",
        RawHttp2.Message(
            new Kvorum.Server.Grpc.V1.GetRequest { Key = ByteString.CopyFromUtf8(what) }.ToByteArray()),
        cancelled);
}
