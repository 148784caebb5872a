using System.Text;
using Kvorum.Node.Administration;
using Kvorum.Node.Wire;
using Kvorum.Protocol;

namespace Kvorum.Tests.Node.Administration;

public class AdminJsonTests
{
    public static TheoryData<AdminRequest, string> Requests => new()
    {
        { new ShowCluster(), """{"action":"show_cluster"}""" },
        { new ShowPartitions(), """{"action":"show_partitions","keyspace":""}""" },
        { new ExplainKeyspace("orders"), """{"action":"explain_keyspace","keyspace":"orders"}""" },
        {
            new ChangeMember("node-2", MemberWish.Decommission) { DryRun = true },
            """{"action":"change_member","member":"node-2","wish":"decommission","force":false,"""
                + "\"dry_run\":true}"
        },
        {
            new CreateKeyspace("orders") { Partitions = 8 },
            """{"action":"create_keyspace","keyspace":"orders","partitions":8,"is_sloppy":false,"""
                + "\"dry_run\":false}"
        },
        {
            new AlterKeyspace("orders", 5) { Force = true },
            """{"action":"alter_keyspace","keyspace":"orders","replicas":5,"force":true,"dry_run":false}"""
        },
        {
            new AlterKeyspace("orders") { ClientTimestamps = true },
            """{"action":"alter_keyspace","keyspace":"orders","client_timestamps":true,"force":false,"""
                + "\"dry_run\":false}"
        },
        { new DropKeyspace("orders"), """{"action":"drop_keyspace","keyspace":"orders","dry_run":false}""" },
        {
            new ChangeLimits { Paused = true, GraceMs = 5000 },
            """{"action":"change_limits","paused":true,"grace_ms":5000,"dry_run":false}"""
        },
        {
            new TransferLeadership("orders", 7, "node-2"),
            """{"action":"transfer_leadership","keyspace":"orders","partition":7,"to":"node-2","""
                + "\"dry_run\":false}"
        },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public void A_request_is_what_its_json_says(AdminRequest request, string json)
    {
        Assert.Equal(json, Encoding.UTF8.GetString(AdminJson.Encode(request)));
        Assert.Equal(request, AdminJson.DecodeRequest(Encoding.UTF8.GetBytes(json)));
    }

    [Fact]
    public void A_key_travels_as_exact_bytes()
    {
        var decoded = (LocateKey)AdminJson.DecodeRequest(AdminJson.Encode(new LocateKey("k", [255, 0])));
        Assert.Equal(new byte[] { 255, 0 }, decoded.Key);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"action":"explode"}""")]
    [InlineData("""{"action":"drop_keyspace"}""")]
    [InlineData("""{"action":"drop_keyspace","keyspace":null}""")]
    [InlineData("""{"action":"drop_keyspace","keyspace":"a","dryrun":true}""")]
    [InlineData("""{"action":"drop_keyspace","keyspace":"a","dry_run":true,"dry_run":false}""")]
    [InlineData("""{"action":"change_member","member":"a","wish":"sleep"}""")]
    [InlineData("""{"action":"change_member","member":"a","wish":3}""")]
    [InlineData("""{"action":"change_limits","moves_max":"3"}""")]
    public void What_is_no_request_is_refused(string json) =>
        Assert.Throws<FormatException>(() => AdminJson.DecodeRequest(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void The_action_may_come_last() => Assert.Equal(
        new DropKeyspace("a"), AdminJson.DecodeRequest("""{"keyspace":"a","action":"drop_keyspace"}"""u8));

    [Fact]
    public void Every_status_has_the_name_that_it_has_on_all_wires()
    {
        foreach (var status in Enum.GetValues<ReplyStatus>())
        {
            var reply = AdminReply.Of(status, "m");
            var json = AdminJson.Encode(reply);
            Assert.Contains(
                $"\"status\":\"{Kvorum.Server.ReplyOutcome.Of(status).Name}\"", Encoding.UTF8.GetString(json),
                StringComparison.Ordinal);
            Assert.Equal(status, AdminJson.DecodeReply(json).Status);
        }
    }

    /// <summary>An older node tells no mode, and what it does not tell is no null.</summary>
    [Fact]
    public void A_mode_that_is_not_told_is_empty()
    {
        var reply = AdminJson.DecodeReply("""
            {"status":"ok",
            "partitions":[{"keyspace":"k","partition":1,"leader":"","voters":[],"learners":[]}],
            "location":{"keyspace":"k","slot":1,"partition":1,"replicas":[],"leader":"","leader_address":""}}
            """u8);
        Assert.Equal(("", ""), (Assert.Single(reply.Partitions!).Mode, reply.Location!.Mode));
    }

    [Fact]
    public void A_frame_says_who_asks_from_format_version_2_on_and_json_never_does()
    {
        var change = new DropKeyspace("k") { By = "operator via http from 127.0.0.1" };
        var (first, second) = (new ByteWriter(), new ByteWriter());
        AdminCodec.EncodeAsk(7, 1500, 2, change, format: 1, first);
        AdminCodec.EncodeAsk(7, 1500, 2, change, format: 2, second);
        Assert.Equal(
            "0700000000000000DC05000002" + Convert.ToHexString(AdminJson.Encode(new DropKeyspace("k"))),
            Convert.ToHexString(first.ToArray()));
        var (_, _, hops, by, json) = AdminCodec.DecodeAsk(second.ToArray());
        Assert.Equal(((byte)2, change.By), (hops, by));
        Assert.Equal(new DropKeyspace("k"), AdminJson.DecodeRequest(json.Span));
    }

    [Fact]
    public void A_frame_carries_number_time_and_hops()
    {
        var writer = new ByteWriter();
        AdminCodec.EncodeAsk(7, 1500, 2, new ShowCluster(), format: 2, writer);
        var (id, timeoutMs, hops, by, json) = AdminCodec.DecodeAsk(writer.ToArray());
        Assert.Equal((7ul, 1500L, (byte)2, ""), (id, timeoutMs, hops, by));
        Assert.Equal(new ShowCluster(), AdminJson.DecodeRequest(json.Span));
        writer.Clear();
        AdminCodec.EncodeAnswer(9, AdminReply.Of(ReplyStatus.Ok, "m"), writer);
        var (answered, reply) = AdminCodec.DecodeAnswer(writer.ToArray());
        Assert.Equal((9ul, "m"), (answered, reply.Message));
    }
}
