using System.Net;
using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Server.Audit;
using Kvorum.Server.Tls;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Peers;

/// <summary>
/// Gives new nodes their sealed certificates for join tokens. Whoever comes here has shown nothing yet, and
/// hears of a token that is not accepted one sentence, whatever is wrong with it; the log and the audit log
/// have the reason. Any thread.
/// </summary>
/// <param name="node">The node, once it is there.</param>
/// <param name="keeper">Which CAs are believed.</param>
/// <param name="audit">Gets who has used a token; null for none.</param>
/// <param name="log">Where it is told.</param>
internal sealed class ClaimDesk(Func<INode?> node, TlsKeeper keeper, AuditLog? audit, ILogger log)
{
    /// <summary>Claims at once; one more is told to come again.</summary>
    public const int ClaimsMax = 16;

    /// <summary>What a stranger hears.</summary>
    public const string NotAccepted = "the join token is not accepted: it is none of this cluster, was used "
        + "or revoked, or has expired; the log of the node that was asked tells more";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(20);

    private int _claims;

    /// <summary>Serves the connection to its end; it is the caller's to close.</summary>
    public async Task Serve(
        PeerConnection connection, EndPoint? remote, TlsDoor door, CancellationToken cancelled)
    {
        try
        {
            if (Interlocked.Increment(ref _claims) > ClaimsMax)
            {
                await Refuse(
                    connection, $"more than {ClaimsMax} nodes show join tokens at once", mayPass: true)
                    .ConfigureAwait(false);
                return;
            }

            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancelled);
            patience.CancelAfter(2 * Patience);
            await Serve(connection, remote, door, patience).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _claims);
        }
    }

    private async Task Serve(
        PeerConnection connection, EndPoint? remote, TlsDoor door, CancellationTokenSource patience)
    {
        await connection.SendOpening(
            ClaimWire.Authorities, ClaimWire.EncodeAuthorities(keeper.Now.Authorities.Certificates),
            patience.Token).ConfigureAwait(false);
        await connection.Reader.ReadPreamble(patience.Token).ConfigureAwait(false);
        var frame = await connection.Reader.Read(PeerWire.IntroductionBytesMax, patience.Token)
            .ConfigureAwait(false);
        if (frame.Kind != ClaimWire.Claim)
            throw new PeerWireException($"a frame of kind {frame.Kind} came in place of a join token");
        var (id, proof, claimant) = ClaimWire.DecodeClaim(frame.Payload);
        var by = OperatorOrigin.ByToken(id, remote);
        var reply = await Ask(new UseJoinToken(id) { Proof = proof, Claimant = claimant, By = by })
            .ConfigureAwait(false);
        if (reply.Status != ReplyStatus.Ok)
        {
            var isRefused = reply.Status is ReplyStatus.ConditionFailed or ReplyStatus.InvalidArgument;
            if (isRefused)
                door.TellRefused(remote, reply.Message);
            await Refuse(connection, isRefused ? NotAccepted : $"{reply.Status}: {reply.Message}", !isRefused)
                .ConfigureAwait(false);
            return;
        }

        if (await SealedOf(id, patience.Token).ConfigureAwait(false) is not { } made)
        {
            await Refuse(connection, "this node has not heard of the token yet", mayPass: true)
                .ConfigureAwait(false);
            return;
        }

        Log.TokenUsed(log, remote, reply.Message);
        audit?.Record(new AuditEvent("use_join_token", AuditResult.Ok)
        {
            Via = "tls",
            On = $"join token {id}",
            Reason = reply.Message,
        }.Of(ConnectionIdentity.Anonymous, remote));
        await connection.Send(ClaimWire.Sealed, made, patience.Token).ConfigureAwait(false);
        frame = await connection.Reader.Read(PeerWire.IntroductionBytesMax, patience.Token)
            .ConfigureAwait(false);
        // If that does not come, the token goes when it expires, and nobody else can use it until then.
        if (frame.Kind == ClaimWire.Kept)
            await Ask(new RevokeJoinToken(id) { IsUsed = true, By = by }).ConfigureAwait(false);
    }

    private Task<AdminReply> Ask(AdminChange change) =>
        node()?.AdministerAsync(change, Patience, CancellationToken.None)
            ?? Task.FromResult(AdminReply.Of(ReplyStatus.Unavailable, "this node is starting"));

    // The node that was asked may hear of what was decided a moment after the leader has answered.
    private async Task<byte[]?> SealedOf(string id, CancellationToken cancelled)
    {
        for (var tries = 0; tries < 100; tries++)
        {
            if (node()?.Access?.JoinTokens.GetValueOrDefault(id) is { } token)
                return token.Sealed.ToArray();
            await Task.Delay(Glance, cancelled).ConfigureAwait(false);
        }

        return null;
    }

    private static Task Refuse(PeerConnection connection, string why, bool mayPass) => connection.Farewell(
        PeerWire.EncodeFrame(PeerWire.Refused, PeerWire.EncodeRefusal(new(why, mayPass))));
}
