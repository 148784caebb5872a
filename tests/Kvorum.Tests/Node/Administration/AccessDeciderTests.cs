using Kvorum.Node.Administration;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Tests.Node.State.Harness;

namespace Kvorum.Tests.Node.Administration;

public sealed class AccessDeciderTests : IDisposable
{
    private const string KeyId = "0123456789abcdef";

    private readonly MetaBench _bench = new();

    public AccessDeciderTests() => _bench.Apply(MetaRecords.EncodeFormat(2, [], 5));

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void What_is_asked_comes_true()
    {
        Do(new SetRole("clerk", [new("orders", ["read", "write"], "u:"u8.ToArray())]));
        Do(new CreateUser("ann", ["clerk", "clerk"]));
        Assert.Equal(["clerk"], _bench.Machine.Access.Users["ann"].Roles);
        Do(new AlterUser("ann") { Grant = ["reader"], Revoke = ["clerk"] });
        Assert.Equal(["reader"], _bench.Machine.Access.Users["ann"].Roles);
        Do(new CreateApiKey("ann") { Id = KeyId, Hash = new byte[32], ExpiresMs = 7 });
        Assert.Equal(7ul, _bench.Machine.Access.Keys[KeyId].ExpiresMs);
        Do(new AlterUser("ann") { Disabled = true });
        Assert.True(_bench.Machine.Access.Users["ann"].IsDisabled);
        Do(new RevokeApiKey(KeyId));
        Do(new DropRole("clerk"));
        Do(new DropUser("ann"));
        Assert.Empty(_bench.Machine.Access.Users);
    }

    [Theory]
    [InlineData("", "cannot be the name of a role")]
    [InlineData("a b", "cannot be the name of a role")]
    [InlineData("reader", "is in every cluster")]
    public void A_role_has_a_name_of_its_own(string name, string why) =>
        Refuses(new SetRole(name, []), ReplyStatus.InvalidArgument, why);

    [Theory]
    [InlineData("orders", "read,fly", "are no actions")]
    [InlineData("orders", "", "are no actions")]
    [InlineData("or/ders", "read", "is no keyspace")]
    public void A_grant_names_a_keyspace_and_actions(string keyspace, string actions, string why) => Refuses(
        new SetRole("r", [new(keyspace, actions.Split(',', StringSplitOptions.RemoveEmptyEntries))]),
        ReplyStatus.InvalidArgument, why);

    [Fact]
    public void Mistakes_are_told()
    {
        Refuses(new CreateUser("ann", ["clerk"]), ReplyStatus.InvalidArgument, "no role 'clerk': there is "
            + "admin,");
        Refuses(new AlterUser("ann"), ReplyStatus.InvalidArgument, "no user 'ann'");
        Refuses(new DropUser("ann"), ReplyStatus.InvalidArgument, "no user 'ann'");
        Refuses(new DropRole("clerk"), ReplyStatus.InvalidArgument, "no role 'clerk'");
        Refuses(new RevokeApiKey("1"), ReplyStatus.InvalidArgument, "no API key '1'");
        Do(new CreateUser("ann", ["reader"]));
        Refuses(new CreateUser("ann", []), ReplyStatus.ConditionFailed, "there is a user 'ann' already");
        Refuses(
            new AlterUser("ann") { Revoke = ["writer"] }, ReplyStatus.InvalidArgument, "has no role "
                + "'writer'");
        Refuses(
            new CreateApiKey("ann") { Id = KeyId, Hash = new byte[31] }, ReplyStatus.InvalidArgument,
            "has 32 bytes; this one has 31");
        Refuses(
            new CreateApiKey("ann") { Id = "0123456789ABCDEF", Hash = new byte[32] },
            ReplyStatus.InvalidArgument, "16 digits");
    }

    /// <summary>As they come out of JSON: the leader must not end by them.</summary>
    [Theory]
    [InlineData("""{"action":"set_role","role":"r","grants":[null]}""")]
    [InlineData("""{"action":"set_role","role":"r","grants":[{"keyspace":"k","actions":[null]}]}""")]
    [InlineData("""{"action":"create_user","user":"ann","roles":[null]}""")]
    [InlineData("""{"action":"alter_user","user":"bob","grant":[null]}""")]
    [InlineData("""{"action":"alter_user","user":"bob","revoke":[null]}""")]
    public void A_list_without_something_is_refused(string json)
    {
        Do(new CreateUser("bob", []));
        Refuses(
            (AccessChange)AdminJson.DecodeRequest(System.Text.Encoding.UTF8.GetBytes(json)),
            ReplyStatus.InvalidArgument, "an element that is null");
    }

    /// <summary>Programs leave out what they do not want, which is not null.</summary>
    [Fact]
    public void What_json_leaves_out_is_empty()
    {
        Do(new CreateUser("bob", ["reader"]));
        Do((AccessChange)AdminJson.DecodeRequest(
            """{"action":"alter_user","user":"bob","grant":["writer"]}"""u8));
        Do((AccessChange)AdminJson.DecodeRequest(
            """{"action":"alter_user","user":"bob","revoke":["reader"]}"""u8));
        Assert.Equal(["writer"], _bench.Machine.Access.Users["bob"].Roles);
        var key = Assert.IsType<CreateApiKey>(
            AdminJson.DecodeRequest("""{"action":"create_api_key","user":"bob"}"""u8));
        Assert.Equal(("", 0), (key.Id, key.Hash.Length));
        Refuses(key, ReplyStatus.InvalidArgument, "16 digits");
    }

    /// <summary>What could not be passed on to a leader is not taken by one either.</summary>
    [Fact]
    public void A_request_has_a_bound()
    {
        var prefixes = Enumerable.Range(0, 10).Select(
            static _ => new GrantSpec("orders", ["read"], new byte[Limits.KeyBytesMax]));
        Refuses(
            new SetRole("r", [.. prefixes]), ReplyStatus.InvalidArgument,
            $"the limit is {AdminJson.RequestBytesMax}");
    }

    [Fact]
    public void A_key_does_not_live_for_ever_by_a_time_that_is_0()
    {
        Do(new CreateUser("ann", []));
        Refuses(
            new CreateApiKey("ann") { Id = KeyId, Hash = new byte[32], ExpiresMs = 0 },
            ReplyStatus.InvalidArgument, "expires_ms is 0");
    }

    [Fact]
    public void A_role_that_is_had_is_dropped_by_force_only()
    {
        Do(new SetRole("clerk", []));
        Do(new CreateUser("ann", ["clerk"]));
        Refuses(new DropRole("clerk"), ReplyStatus.ConditionFailed, "is still had by ann");
        Do(new DropRole("clerk") { Force = true });
    }

    /// <summary>Who must still be able to change something can.</summary>
    [Fact]
    public void The_last_administrator_stays()
    {
        const string why = "nobody could change users and roles";
        Refuses(new EnforceRights(true), ReplyStatus.ConditionFailed, why);
        Do(new CreateUser("ann", ["admin"]));
        Do(new EnforceRights(true));
        Refuses(new DropUser("ann"), ReplyStatus.ConditionFailed, why);
        Refuses(new AlterUser("ann") { Disabled = true }, ReplyStatus.ConditionFailed, why);
        Refuses(new AlterUser("ann") { Revoke = ["admin"] }, ReplyStatus.ConditionFailed, why);
        Do(new CreateUser("bob", ["admin"]));
        Do(new DropUser("ann"));
        Do(new DropUser("bob") { Force = true });
        Do(new EnforceRights(false));
    }

    [Fact]
    public void A_repeated_request_is_done_already()
    {
        Do(new CreateUser("ann", []));
        var key = new CreateApiKey("ann") { Id = KeyId, Hash = new byte[32] };
        Do(key);
        var answer = Assert.IsType<AdminDecision.Answer>(AccessDecider.Decide(key, _bench.Machine));
        Assert.Equal(ReplyStatus.Ok, answer.Reply.Status);
        Refuses(
            key with { Hash = [.. Enumerable.Repeat((byte)1, 32)] }, ReplyStatus.ConditionFailed,
            "there is an API key");
    }

    [Fact]
    public void A_cluster_of_the_first_version_has_no_users()
    {
        using var old = new MetaBench();
        var answer = Assert.IsType<AdminDecision.Answer>(
            AccessDecider.Decide(new CreateUser("ann", []), old.Machine));
        Assert.Equal(ReplyStatus.ConditionFailed, answer.Reply.Status);
        Assert.Contains("format version 2", answer.Reply.Message, StringComparison.Ordinal);
    }

    private void Do(AccessChange change)
    {
        var decision = Assert.IsType<AdminDecision.Propose>(AccessDecider.Decide(change, _bench.Machine));
        Assert.False(decision.IsDone(_bench.Machine));
        Assert.True(_bench.Apply(decision.Command(5)));
        Assert.True(decision.IsDone(_bench.Machine));
    }

    private void Refuses(AccessChange change, ReplyStatus status, string why)
    {
        var answer = Assert.IsType<AdminDecision.Answer>(AccessDecider.Decide(change, _bench.Machine));
        Assert.Equal(status, answer.Reply.Status);
        Assert.Contains(why, answer.Reply.Message, StringComparison.Ordinal);
    }
}
