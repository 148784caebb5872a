using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Server;
using V1 = Kvorum.Server.Grpc.V1;

namespace Kvorum.Tests.Server.Grpc;

/// <summary>What operators ask over gRPC, as the node is asked, and its answers.</summary>
public class AdminServiceTests(GrpcFixture fixture) : IClassFixture<GrpcFixture>
{
    private static readonly (string Method, IMessage Message, AdminRequest Expected)[] Requests =
    [
        ("GetCluster", new V1.GetClusterRequest(), new ShowCluster()),
        ("ListMembers", new V1.ListMembersRequest(), new ShowCluster()),
        ("ListKeyspaces", new V1.ListKeyspacesRequest(), new ShowCluster()),
        ("GetKeyspace", new V1.GetKeyspaceRequest { Keyspace = KeyspaceName.Default }, new ShowCluster()),
        ("GetLimits", new V1.GetLimitsRequest(), new ShowCluster()),
        (
            "ExplainKeyspace", new V1.ExplainKeyspaceRequest { Keyspace = "orders" },
            new ExplainKeyspace("orders")
        ),
        ("ListPartitions", new V1.ListPartitionsRequest { Keyspace = "orders" }, new ShowPartitions(
            "orders")),
        ("ListEvents", new V1.ListEventsRequest { After = 7 }, new ShowEvents(7)),
        (
            "ListEvents", new V1.ListEventsRequest { ClusterId = $"{EventHistory.Cluster}" },
            new ShowEvents { ClusterId = EventHistory.Cluster }
        ),
        (
            "DrainMember", new V1.MemberRequest { Member = "n", DryRun = true, Force = true },
            new ChangeMember("n", MemberWish.Drain) { DryRun = true, Force = true }
        ),
        ("UndrainMember", new V1.MemberRequest { Member = "n" }, new ChangeMember("n", MemberWish.Undrain)),
        (
            "DecommissionMember", new V1.MemberRequest { Member = "n" },
            new ChangeMember("n", MemberWish.Decommission)
        ),
        ("ReplaceMember", new V1.MemberRequest { Member = "n" }, new ChangeMember("n", MemberWish.Replace)),
        ("CreateKeyspace", new V1.CreateKeyspaceRequest { Keyspace = "k" }, new CreateKeyspace("k")),
        (
            "CreateKeyspace", new V1.CreateKeyspaceRequest
            {
                Keyspace = "k",
                Partitions = 8,
                Replicas = 3,
                Mode = "quorum",
                WriteQuorum = 2,
                ReadQuorum = 1,
                DryRun = true,
            },
            new CreateKeyspace("k")
            {
                Partitions = 8,
                Replicas = 3,
                Mode = "quorum",
                WriteQuorum = 2,
                ReadQuorum = 1,
                DryRun = true,
            }
        ),
        (
            // What is absent is not what is 0, and what is too great is refused by the node.
            "CreateKeyspace",
            new V1.CreateKeyspaceRequest { Keyspace = "k", Partitions = 0, Replicas = uint.MaxValue },
            new CreateKeyspace("k") { Partitions = 0, Replicas = int.MaxValue }
        ),
        (
            "AlterKeyspace",
            new V1.AlterKeyspaceRequest { Keyspace = "k", Replicas = 5, DryRun = true, Force = true },
            new AlterKeyspace("k", 5) { DryRun = true, Force = true }
        ),
        (
            "AlterKeyspace", new V1.AlterKeyspaceRequest { Keyspace = "k", ClientTimestamps = false },
            new AlterKeyspace("k") { ClientTimestamps = false }
        ),
        (
            "CreateKeyspace",
            new V1.CreateKeyspaceRequest { Keyspace = "k", Sloppy = true, ClientTimestamps = true },
            new CreateKeyspace("k") { IsSloppy = true, ClientTimestamps = true }
        ),
        (
            "DropKeyspace", new V1.DropKeyspaceRequest { Keyspace = "k", DryRun = true },
            new DropKeyspace("k") { DryRun = true }
        ),
        (
            "TransferLeadership",
            new V1.TransferLeadershipRequest { Keyspace = "k", Partition = 7, To = "n", DryRun = true },
            new TransferLeadership("k", 7, "n") { DryRun = true }
        ),
        ("ChangeLimits", new V1.ChangeLimitsRequest(), new ChangeLimits()),
        (
            "ChangeLimits", new V1.ChangeLimitsRequest
            {
                Paused = false,
                MovesMax = 3,
                BatchSize = 4,
                BatchTimeoutMs = 5,
                RetryAttempts = 6,
                GraceMs = ulong.MaxValue,
                MarginPercent = 0,
                DryRun = true,
            },
            new ChangeLimits
            {
                Paused = false,
                MovesMax = 3,
                BatchSize = 4,
                BatchTimeoutMs = 5,
                RetryAttempts = 6,
                GraceMs = long.MaxValue,
                MarginPercent = 0,
                DryRun = true,
            }
        ),
    ];

    [Fact]
    public async Task A_method_asks_the_node()
    {
        foreach (var (method, message, expected) in Requests.Concat(AccessMethodsTests.Requests))
        {
            using var call = await GrpcStream.OpenAsync(
                fixture.Address, $"/kvorum.v1.Admin/{method}", message);
            await DrainAsync(call);
            Assert.Equal((method, "0"), (method, call.Trailer("grpc-status")));
            Assert.Equal(Json(expected), Json(fixture.Node.Administered[^1]));
        }

        Assert.Equal(
            V1.Admin.Descriptor.Methods.Select(static method => method.Name)
                .Except(["LocateKey", "ExplainKey", "WatchEvents"]).Order(StringComparer.Ordinal),
            Requests.Concat(AccessMethodsTests.Requests).Select(static one => one.Method).Distinct()
                .Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_key_is_located_by_its_bytes()
    {
        var location = await AskAsync(
            "LocateKey", new V1.LocateKeyRequest { Key = ByteString.CopyFrom(255, 0) },
            V1.KeyLocation.Parser);
        var asked = Assert.IsType<LocateKey>(fixture.Node.Administered[^1]);
        Assert.Equal(KeyspaceName.Default, asked.Keyspace);
        Assert.Equal(new byte[] { 255, 0 }, asked.Key);
        Assert.Equal("127.0.0.1:50051", location.LeaderAddress);
    }

    [Fact]
    public async Task The_replicas_of_a_key_are_asked_by_its_bytes()
    {
        var key = await AskAsync(
            "ExplainKey", new V1.ExplainKeyRequest { Key = ByteString.CopyFrom(255, 0) },
            V1.KeyExplanation.Parser);
        var asked = Assert.IsType<ExplainKey>(fixture.Node.Administered[^1]);
        Assert.Equal(KeyspaceName.Default, asked.Keyspace);
        Assert.Equal(new byte[] { 255, 0 }, asked.Key);
        Assert.Equal("replica", key.Replicas[0].Role);
    }

    /// <summary>Each answer, as JSON, has all that the node's own answer has, and nothing else.</summary>
    [Fact]
    public async Task Answers_have_all_that_the_node_tells()
    {
        Same(
            Told(new ShowCluster(), "cluster"),
            await AskAsync("GetCluster", new V1.GetClusterRequest(), V1.ClusterReport.Parser));
        Same(
            Told(new ShowCluster(), "cluster", "limits"),
            await AskAsync("GetLimits", new V1.GetLimitsRequest(), V1.MoveLimits.Parser));
        Same(
            Told(new LocateKey("k", [1]), "location"),
            await AskAsync("LocateKey", new V1.LocateKeyRequest(), V1.KeyLocation.Parser));
        Same(
            Told(new ExplainKeyspace("k"), "promise"),
            await AskAsync(
                "ExplainKeyspace", new V1.ExplainKeyspaceRequest(), V1.KeyspaceExplanation.Parser));
        Same(
            Told(new ExplainKey("k", [1]), "holders"),
            await AskAsync("ExplainKey", new V1.ExplainKeyRequest(), V1.KeyExplanation.Parser));
        var partitions = await AskAsync(
            "ListPartitions", new V1.ListPartitionsRequest(), V1.ListPartitionsResponse.Parser);
        Same(Told(new ShowPartitions(), "partitions")[0], Assert.Single(partitions.Partitions));
        var events = await AskAsync("ListEvents", new V1.ListEventsRequest(), V1.ListEventsResponse.Parser);
        var told = Told(new ShowEvents(), "events");
        Same(told[0], events.Events[0]);
        Same(told[1], events.Events[1]);
        Assert.Equal((8ul, 9ul), (events.OldestEvent, events.NewestEvent));
        var members = await AskAsync(
            "ListMembers", new V1.ListMembersRequest(), V1.ListMembersResponse.Parser);
        Assert.Equal(["node-1", "node-2"], members.Members.Select(static one => one.Name));
        var dry = await AskAsync(
            "DrainMember", new V1.MemberRequest { Member = "n", DryRun = true }, V1.ChangeResponse.Parser);
        Assert.Equal((true, 77ul, "would be done: it"), (dry.DryRun, dry.MovedBytes, dry.Message));
        Assert.Equal(["too few nodes"], dry.Reasons);
        var limits = await AskAsync(
            "ChangeLimits", new V1.ChangeLimitsRequest { MovesMax = 3 }, V1.ChangeResponse.Parser);
        Assert.Equal(5u, limits.Limits.MovesMax);
    }

    [Fact]
    public async Task A_failure_says_what_may_have_happened()
    {
        foreach (var status in Enum.GetValues<ReplyStatus>().Where(static one => one != ReplyStatus.Ok))
        {
            var request = new V1.MemberRequest { Member = $"status:{status}" };
            using var call = await GrpcStream.OpenAsync(
                fixture.Address, "/kvorum.v1.Admin/DrainMember", request);
            await DrainAsync(call);
            var outcome = ReplyOutcome.Of(status);
            var retry = status switch
            {
                ReplyStatus.InvalidArgument or ReplyStatus.UnknownKeyspace or ReplyStatus.ConditionFailed
                    or ReplyStatus.Unauthenticated or ReplyStatus.PermissionDenied => "never",
                ReplyStatus.OutcomeUnknown or ReplyStatus.DeadlineExceeded or ReplyStatus.Internal =>
                    "same-ids",
                _ => "safe",
            };
            Assert.Equal(
                ($"{(int)outcome.Grpc}", "as programmed", outcome.Name, retry),
                (call.Trailer("grpc-status"), call.Trailer("grpc-message"), call.Trailer("kvorum-status"),
                    call.Trailer("kvorum-retry")));
        }
    }

    [Theory]
    [InlineData("ListEvents", "cluster_id is 'cc', which is no UUID")]
    [InlineData("WatchEvents", "from_now and after = 7 exclude each other: give one of them")]
    [InlineData("GetKeyspace", "no keyspace 'nothing': there is 'default'")]
    public async Task What_is_wrong_is_refused_with_words(string method, string words)
    {
        IMessage message = method switch
        {
            "ListEvents" => new V1.ListEventsRequest { ClusterId = "cc" },
            "WatchEvents" => new V1.WatchEventsRequest { After = 7, FromNow = true },
            _ => new V1.GetKeyspaceRequest { Keyspace = "nothing" },
        };
        using var call = await GrpcStream.OpenAsync(fixture.Address, $"/kvorum.v1.Admin/{method}", message);
        await DrainAsync(call);
        Assert.Equal(words, call.Trailer("grpc-message"));
    }

    internal static async Task DrainAsync(GrpcStream call)
    {
        while (await call.NextAsync() is not null)
        {
        }
    }

    // Lists in requests are compared by what they have.
    private static string Json(AdminRequest request) =>
        System.Text.Encoding.UTF8.GetString(AdminJson.Encode(request));

    internal static JsonElement Told(AdminRequest request, params string[] path)
    {
        var json = JsonDocument.Parse(
            AdminJson.Encode(AdminAnswers.Of(request, TimeSpan.FromSeconds(1)))).RootElement;
        return path.Aggregate(json, static (at, name) => at.GetProperty(name));
    }

    // By names: what one has and the other lacks is a field that was forgotten.
    internal static void Same(JsonElement told, IMessage message)
    {
        var fields = message.Descriptor.Fields.InFieldNumberOrder();
        foreach (var property in told.EnumerateObject())
        {
            var field = fields.SingleOrDefault(one => one.Name == property.Name);
            Assert.True(field is not null, $"{message.Descriptor.Name} lacks {property.Name}");
            var value = field.Accessor.GetValue(message);
            if (property.Value.ValueKind == JsonValueKind.Array)
            {
                var items = ((System.Collections.IList)value).Cast<object>().ToArray();
                Assert.Equal(property.Value.GetArrayLength(), items.Length);
                foreach (var (one, item) in property.Value.EnumerateArray().Zip(items))
                    SameValue(property.Name, one, item);
            }
            else
            {
                SameValue(property.Name, property.Value, value);
            }
        }

        Assert.All(fields, field => Assert.True(
            told.TryGetProperty(field.Name, out _) || IsAbsent(field, message), $"{field.Name} is not told"));
    }

    private static void SameValue(string name, JsonElement told, object value)
    {
        if (value is IMessage message)
            Same(told, message);
        else
            Assert.Equal(
                (name, told.ToString()), (name, value is ByteString bytes ? bytes.ToBase64() : $"{value}"));
    }

    private static bool IsAbsent(FieldDescriptor field, IMessage message) => field.HasPresence
        ? !field.Accessor.HasValue(message)
        : field.Accessor.GetValue(message) is ByteString { IsEmpty: true };

    private Task<T> AskAsync<T>(string method, IMessage message, MessageParser<T> parser)
        where T : class, IMessage<T> =>
        GrpcStream.AskAsync(fixture.Address, $"/kvorum.v1.Admin/{method}", message, parser);
}
