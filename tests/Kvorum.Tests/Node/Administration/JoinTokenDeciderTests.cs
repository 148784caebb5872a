using System.Security.Cryptography;
using Kvorum.Node.Administration;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Tests.Node.State.Harness;

namespace Kvorum.Tests.Node.Administration;

public sealed class JoinTokenDeciderTests : IDisposable
{
    private const string Id = "0123456789abcdef";
    private const ulong Now = 1000;

    private static readonly byte[] Proof = [.. Enumerable.Range(0, 32).Select(static n => (byte)n)];

    private readonly MetaBench _bench = new();

    public JoinTokenDeciderTests() => _bench.Apply(MetaRecords.EncodeFormat(2, [], Now));

    private static CreateJoinToken Made => new(Id, "node-2")
    {
        ProofHash = SHA256.HashData(Proof),
        Sealed = [7, 8],
        ExpiresMs = Now + 500,
    };

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void A_token_is_used_once_and_by_one()
    {
        Do(Made);
        Says(Made, ReplyStatus.Ok, "there is join token");
        Do(Use(1));
        Assert.True(_bench.Machine.Access.JoinTokens[Id].IsUsed);
        Says(Use(1), ReplyStatus.Ok, "is used by node 'node-2'");
        Says(Use(2), ReplyStatus.ConditionFailed, "was used by another process");
        Do(new RevokeJoinToken(Id) { IsUsed = true });
        Says(Use(1), ReplyStatus.ConditionFailed, "there is no join token");
    }

    [Fact]
    public void A_wrong_revoked_expired_or_unknown_one_is_refused()
    {
        Says(Use(1), ReplyStatus.ConditionFailed, $"there is no join token {Id}");
        Do(Made);
        Says(Use(1) with { Proof = new byte[32] }, ReplyStatus.ConditionFailed, "is wrong: somebody guesses");
        Says(Use(1) with { Proof = [] }, ReplyStatus.ConditionFailed, "is wrong");
        Says(Use(1) with { Claimant = [] }, ReplyStatus.InvalidArgument, "draws 32 bytes");
        Says(Use(1), ReplyStatus.ConditionFailed, "has expired", Now + 500);
        Do(new RevokeJoinToken(Id));
        Says(Use(1), ReplyStatus.ConditionFailed, "there is no join token");
        Says(new RevokeJoinToken(Id), ReplyStatus.InvalidArgument, "no join token");
    }

    /// <summary>What was decided in time counts; what is applied too late does not.</summary>
    [Fact]
    public void The_log_has_the_last_word()
    {
        Do(Made);
        Assert.False(_bench.Apply(AccessCodec.EncodeUse(Id, new byte[32], Now + 500)));
        Assert.False(_bench.Machine.Access.JoinTokens[Id].IsUsed);
    }

    [Fact]
    public void Mistakes_are_told()
    {
        Says(Made with { ProofHash = [1] }, ReplyStatus.InvalidArgument, "has 32 bytes; this one has 1");
        Says(Made with { Sealed = [] }, ReplyStatus.InvalidArgument, "seals 1 to");
        Says(Made with { Sealed = new byte[12289] }, ReplyStatus.InvalidArgument, "seals 1 to 12288");
        Says(Made with { ExpiresMs = Now }, ReplyStatus.InvalidArgument, "has passed");
        Says(Made with { ExpiresMs = Now + (8 * 86_400_000) }, ReplyStatus.InvalidArgument, "7 days at most");
        Says(new CreateJoinToken("1", "node-2"), ReplyStatus.InvalidArgument, "has 16 digits");
        Says(new CreateJoinToken(Id, "a b"), ReplyStatus.InvalidArgument, "cannot be the name of a node");
        Do(Made);
        Says(Made with { ProofHash = new byte[32] }, ReplyStatus.ConditionFailed, "there is a join token");
    }

    [Fact]
    public void There_are_so_many_at_most_and_those_that_have_expired_do_not_count()
    {
        for (var n = 0; n < 64; n++)
            Do(Made with { ExpiresMs = Now + 500, ProofHash = SHA256.HashData([(byte)n]) }, $"{n:x16}");
        Says(Numbered(Made, $"{64:x16}"), ReplyStatus.ConditionFailed, "64 join tokens, which is the most");
        var later = Numbered(Made with { ExpiresMs = Now + 900 }, $"{64:x16}");
        var propose = Assert.IsType<AdminDecision.Propose>(
            JoinTokenDecider.Decide(later, _bench.Machine.Access, Now + 500));
        Assert.True(_bench.Apply(propose.Command(Now + 500)));
        Assert.Equal($"{64:x16}", Assert.Single(_bench.Machine.Access.JoinTokens).Key);
    }

    private static UseJoinToken Use(byte claimant) => new(Id)
    {
        Proof = Proof,
        Claimant = [.. Enumerable.Repeat(claimant, 32)],
    };

    private static CreateJoinToken Numbered(CreateJoinToken made, string id) => new(id, made.Node)
    {
        ProofHash = made.ProofHash,
        Sealed = made.Sealed,
        ExpiresMs = made.ExpiresMs,
    };

    private void Do(CreateJoinToken made, string id) => Do(Numbered(made, id));

    private void Do(AccessChange change)
    {
        var propose = Assert.IsType<AdminDecision.Propose>(
            AccessDecider.Decide(change, _bench.Machine, Now));
        Assert.False(propose.IsDone(_bench.Machine));
        Assert.True(_bench.Apply(propose.Command(Now)));
        Assert.True(propose.IsDone(_bench.Machine));
    }

    private void Says(AccessChange change, ReplyStatus status, string words, ulong nowMs = Now)
    {
        var answer = Assert.IsType<AdminDecision.Answer>(AccessDecider.Decide(change, _bench.Machine, nowMs));
        Assert.Contains(words, answer.Reply.Message, StringComparison.Ordinal);
        Assert.Equal(status, answer.Reply.Status);
    }
}
