using System.Net;
using Kvorum.Node;
using Kvorum.Node.Access;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Server.Access.Jwt;
using Kvorum.Server.Listeners;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Access;

/// <summary>
/// Stands between the front ends and the node. What a front end is given is the node as a caller who is not
/// known may use it; with <see cref="For"/> it becomes that of somebody. So a front end that forgets to say
/// who asks serves nobody while rights are enforced. Any thread.
/// </summary>
/// <param name="node">The node.</param>
/// <param name="graceMs">
/// For how long rights are believed while the metadata group is not heard, in milliseconds.
/// </param>
/// <param name="time">The wall clock, by which keys and tokens expire.</param>
/// <param name="lines">Where refusals are told.</param>
/// <param name="log">Where refusals are told.</param>
internal sealed class NodeDoor(
    INode node, long graceMs, TimeProvider time, SourceLines lines, ILogger log) : INode
{
    private readonly Func<long> _silenceMs = () => node.MetadataSilenceMs;
    private readonly Func<ulong> _nowMs = () => NowOf(time);
    private CallersNode? _stranger;
    private long _refusals;

    /// <summary>What each user may have of the node. Set before anything is served.</summary>
    public UserLimits Users { get; init; } = new(new(), lines, log);

    /// <summary>Checks signed tokens; null where none are accepted. Set before anything is served.</summary>
    public JwtVerifier? Tokens { get; init; }

    /// <summary>Told of logins by tokens, and of refusals. Any thread. Set before anything is
    /// served.</summary>
    public Action<AccessEvent> Told { get; init; } = static _ => { };

    /// <summary>The node itself.</summary>
    public INode Node => node;

    /// <summary>Requests that were refused for lack of rights.</summary>
    public long Refusals => Interlocked.Read(ref _refusals);

    /// <inheritdoc/>
    public ClusterMap Map => Stranger.Map;

    /// <inheritdoc/>
    public NodeHealth Health => node.Health;

    /// <inheritdoc/>
    public AccessTable? Access => node.Access;

    /// <inheritdoc/>
    public long MetadataSilenceMs => node.MetadataSilenceMs;

    /// <summary>The node as nodes may use it: who serves them sees to it that they are.</summary>
    public static INode ForNodes(INode node) => node is NodeDoor door ? door.Node : node;

    private CallersNode Stranger =>
        _stranger ??= new(this, Caller.OfConnection(ConnectionIdentity.Plain), hasToken: false, null);

    /// <summary>The node as somebody may use it.</summary>
    /// <param name="identity">Who is at the other end of the connection.</param>
    /// <param name="token">What was shown beside it, which wins; null if nothing was.</param>
    /// <param name="remote">The other end; null if it is not known.</param>
    /// <param name="place">The connection's place among those of its user; null for none.</param>
    public CallersNode For(
        ConnectionIdentity identity, string? token, EndPoint? remote, ConnectionPlace? place = null) => new(
        this, token is null ? Caller.OfConnection(identity) : OfToken(token), token is not null, remote,
        place);

    /// <inheritdoc/>
    public void Submit(Call call) => Stranger.Submit(call);

    /// <inheritdoc/>
    public void AskStatus(Action<NodeStatus> done) => Stranger.AskStatus(done);

    /// <inheritdoc/>
    public void Administer(AdminRequest request, TimeSpan timeout, Action<AdminReply> done) =>
        Stranger.Administer(request, timeout, done);

    /// <summary>What decides for a caller.</summary>
    public AccessJudge JudgeOf(Caller caller) =>
        new(graceMs, _silenceMs, _nowMs, caller.StandingIn);

    /// <summary>Counts and tells a refusal.</summary>
    public Reply Refused(EndPoint? remote, Caller caller, CallerStanding standing, Reply refusal)
    {
        Interlocked.Increment(ref _refusals);
        if (lines.MayWrite(remote, out var note))
        {
            // What is wrong with a token is for the operator alone.
            var why = caller is Caller.Unknown { ForLog: { } forLog }
                ? $"its token: {forLog}" : refusal.Message;
            Log.Refused(log, SourceLines.Name(remote), standing.Who, why, note);
            if (refusal.Status == ReplyStatus.PermissionDenied)
                Told(new(remote, standing.User, caller.Means, refusal.Status, refusal.Message));
        }

        return refusal;
    }

    private static ulong NowOf(TimeProvider time) =>
        (ulong)Math.Max(0, time.GetUtcNow().ToUnixTimeMilliseconds());

    private Caller OfToken(string token)
    {
        if (ApiKey.CallerOf(token) is { } keyed)
            return keyed;
        if (Tokens is not { } verifier)
            return new Caller.Unknown(IdentityMeans.ApiKey, JwtVerifier.Refusal);
        var result = verifier.Verify(token, time.GetUtcNow());
        // It is accepted for the skew of the clocks longer than it says.
        return result.IsAccepted
            ? new Caller.Signed(
                result.Name, result.Roles,
                (ulong)Math.Max(0, (result.Expires + verifier.ClockSkew).ToUnixTimeMilliseconds()))
            : new Caller.Unknown(IdentityMeans.Jwt, JwtVerifier.Refusal) { ForLog = result.Why };
    }
}
