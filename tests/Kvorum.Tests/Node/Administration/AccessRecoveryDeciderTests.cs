using Kvorum.Node.Access;
using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Tests.Node.State.Harness;

namespace Kvorum.Tests.Node.Administration;

public sealed class AccessRecoveryDeciderTests : IDisposable
{
    private const string KeyId = "0123456789abcdef";

    private readonly MetaBench _bench = new();

    public AccessRecoveryDeciderTests()
    {
        _bench.Apply(MetaRecords.EncodeFormat(2, [], 5));
        _bench.Apply(MetaRecords.EncodeCluster(7, 5));
    }

    private static ConfirmAccess Order => new(Guid.NewGuid(), ClusterIdentity.ToGuid(7))
    {
        User = "ann",
        KeyId = KeyId,
        KeyHash = new byte[32],
        ExpiresMs = 900,
    };

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void A_new_administrator_is_made_and_an_old_one_is_enabled()
    {
        Do(Order);
        Assert.Equal(["admin"], _bench.Machine.Access.Users["ann"].Roles);
        Assert.True(_bench.Machine.Access.HasAdministrator);
        _bench.Apply(AccessCodec.Encode(new UserRecord("ann", ["reader"], IsDisabled: true), 6));
        Do(Order with { KeyId = "1123456789abcdef" });
        Assert.Equal(["reader", "admin"], _bench.Machine.Access.Users["ann"].Roles);
        Assert.False(_bench.Machine.Access.Users["ann"].IsDisabled);
        Assert.Equal(2, _bench.Machine.Access.KeysOf("ann").Count());
        Says(Order, ReplyStatus.Ok, "is done");
    }

    [Fact]
    public void Rights_are_ended_with_it_or_alone()
    {
        _bench.Apply(AccessCodec.EncodeEnforced(isOn: true, 5));
        Do(Order with { RightsOff = true });
        Assert.False(_bench.Machine.Access.IsOn);
        _bench.Apply(AccessCodec.EncodeEnforced(isOn: true, 5));
        Do(Order with { User = "", RightsOff = true });
        Assert.False(_bench.Machine.Access.IsOn);
        Says(Order with { User = "", RightsOff = true }, ReplyStatus.Ok, "is done");
    }

    [Fact]
    public void What_can_never_be_done_is_refused()
    {
        Says(
            Order with { ClusterId = Guid.NewGuid() }, ReplyStatus.InvalidArgument, "is for cluster");
        Says(Order with { ExpiresMs = 5 }, ReplyStatus.InvalidArgument, "has expired");
        Says(Order with { User = "" }, ReplyStatus.InvalidArgument, "names no user");
        Says(Order with { User = "a b" }, ReplyStatus.InvalidArgument, "cannot be the name of a user");
        Says(Order with { KeyHash = [] }, ReplyStatus.InvalidArgument, "has no API key");
    }

    [Fact]
    public void Golden_bytes()
    {
        Assert.Equal(
            "1d050000000000000002",
            Convert.ToHexStringLower(AccessCodec.EncodeRecovery(null, null, isEnd: true, 5)));
        Assert.StartsWith(
            "1d05000000000000000103000000616e6e00",
            Convert.ToHexStringLower(AccessCodec.EncodeRecovery(
                new("ann", [], false), new(KeyId, "ann", new byte[32], 5, 0), isEnd: false, 5)),
            StringComparison.Ordinal);
    }

    private void Do(ConfirmAccess change)
    {
        var propose = Assert.IsType<AdminDecision.Propose>(AccessDecider.Decide(change, _bench.Machine));
        Assert.True(_bench.Apply(propose.Command(6)));
        Assert.True(propose.IsDone(_bench.Machine));
        Assert.False(_bench.Apply(propose.Command(6)) && change.User.Length > 0);
    }

    private void Says(ConfirmAccess change, ReplyStatus status, string words)
    {
        var answer = Assert.IsType<AdminDecision.Answer>(AccessDecider.Decide(change, _bench.Machine));
        Assert.Contains(words, answer.Reply.Message, StringComparison.Ordinal);
        Assert.Equal(status, answer.Reply.Status);
    }
}
