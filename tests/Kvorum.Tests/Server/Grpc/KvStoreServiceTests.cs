using Google.Protobuf;
using Kvorum.Protocol;
using Ring = Kvorum.Server.Grpc.Ring;
using V1 = Kvorum.Server.Grpc.V1;

namespace Kvorum.Tests.Server.Grpc;

/// <summary>The services of the ring design at the port of clients.</summary>
public class KvStoreServiceTests(GrpcFixture fixture) : IClassFixture<GrpcFixture>
{
    [Fact]
    public async Task A_put_tells_the_value_that_it_replaced_and_no_other()
    {
        var first = await PutAsync("replaced", "one");
        Assert.Equal((false, ""), (first.HadOldValue, first.OldValue));
        var second = await PutAsync("replaced", "two");
        Assert.Equal((true, "one"), (second.HadOldValue, second.OldValue));
        var emptied = await PutAsync("replaced", "");
        Assert.Equal((true, "two"), (emptied.HadOldValue, emptied.OldValue));
        var third = await PutAsync("replaced", "three");
        Assert.Equal((true, ""), (third.HadOldValue, third.OldValue));
    }

    [Fact]
    public async Task A_get_tells_value_and_version_and_that_an_absent_key_is_absent()
    {
        var absent = await GetAsync("nowhere");
        Assert.Equal((false, "", 0ul), (absent.Exists, absent.Value, absent.Timestamp));
        await PutAsync("somewhere", "v");
        var found = await GetAsync("somewhere");
        Assert.Equal((true, "v"), (found.Exists, found.Value));
        await PutAsync("somewhere", "w");
        Assert.True((await GetAsync("somewhere")).Timestamp > found.Timestamp);
    }

    [Fact]
    public async Task The_clients_time_is_no_version()
    {
        await GrpcStream.AskAsync(
            fixture.Address, "/kvstore.KVStore/Put",
            new Ring.PutRequest { Key = "late", Value = "v", Timestamp = ulong.MaxValue },
            Ring.PutResponse.Parser);
        var put = Assert.IsType<PutRequest>(
            fixture.Node.Seen.Last(one => one.Key.Span.SequenceEqual("late"u8)));
        Assert.Equal((0ul, null), (put.After, put.Tried));
        Assert.NotEqual(ulong.MaxValue, (await GetAsync("late")).Timestamp);
    }

    [Fact]
    public async Task What_is_no_text_is_an_error_that_names_the_other_service()
    {
        await GrpcStream.AskAsync(
            fixture.Address, "/kvorum.v1.KV/Put",
            new V1.PutRequest { Key = ByteString.CopyFromUtf8("bytes"), Value = ByteString.CopyFrom(0xff) },
            V1.PutResponse.Parser);
        Assert.Equal(
            (
                "9",
                "the value is not UTF-8, as a string of this service must be: kvorum.v1.KV gives its bytes"
            ),
            await FailureAsync("KVStore/Get", new Ring.GetRequest { Key = "bytes" }));
    }

    [Theory]
    [InlineData("", "3")]
    [InlineData("status:Unavailable", "14")]
    public async Task A_failure_is_never_an_absence(string key, string status)
    {
        Assert.Equal(status, (await FailureAsync("KVStore/Get", new Ring.GetRequest { Key = key })).Status);
        Assert.Equal(status, (await FailureAsync("KVStore/Put", new Ring.PutRequest { Key = key })).Status);
    }

    [Fact]
    public async Task What_is_for_nodes_is_denied_to_clients()
    {
        var replicate = new Ring.ReplicateRequest { Key = "k", Value = "v", Timestamp = 1 };
        foreach (var (method, message) in new (string, IMessage)[]
        {
            ("NodeInternal/Replicate", replicate), ("NodeInternal/Heartbeat", new Ring.Ping()),
        })
        {
            Assert.Equal(
                (
                    "7",
                    "NodeInternal is for nodes: it is served at --peer-addr, if --kvstore-keyspace names a "
                        + "keyspace"
                ),
                await FailureAsync(method, message));
        }
    }

    private Task<Ring.PutResponse> PutAsync(string key, string value) => GrpcStream.AskAsync(
        fixture.Address, "/kvstore.KVStore/Put", new Ring.PutRequest { Key = key, Value = value },
        Ring.PutResponse.Parser);

    private Task<Ring.GetResponse> GetAsync(string key) => GrpcStream.AskAsync(
        fixture.Address, "/kvstore.KVStore/Get", new Ring.GetRequest { Key = key }, Ring.GetResponse.Parser);

    private async Task<(string Status, string Message)> FailureAsync(string method, IMessage message)
    {
        using var call = await GrpcStream.OpenAsync(fixture.Address, $"/kvstore.{method}", message);
        Assert.Null(await call.NextAsync());
        return (call.Trailer("grpc-status"), call.Trailer("grpc-message"));
    }
}
