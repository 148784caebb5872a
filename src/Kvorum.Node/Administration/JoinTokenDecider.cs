using System.Security.Cryptography;
using Kvorum.Node.Access;
using Kvorum.Node.State;

namespace Kvorum.Node.Administration;

/// <summary>
/// What is to be done about a join token, by the committed state. A token that a node shows is refused with
/// the reason for the operator: what the node is told of it is the member's to decide.
/// </summary>
internal static class JoinTokenDecider
{
    /// <summary>The decision.</summary>
    /// <param name="change">What is asked.</param>
    /// <param name="table">The committed state.</param>
    /// <param name="nowMs">The time by which tokens end.</param>
    public static AdminDecision Decide(AccessChange change, AccessTable table, ulong nowMs) => change switch
    {
        CreateJoinToken one => Decide(one, table, nowMs),
        RevokeJoinToken one => Decide(one, table),
        UseJoinToken one => Decide(one, table, nowMs),
        _ => throw new ArgumentOutOfRangeException(nameof(change)),
    };

    private static AdminDecision Decide(CreateJoinToken change, AccessTable table, ulong nowMs)
    {
        if (!AccessDecider.IsNumber(change.Id))
            return Refusal.Wrong("the number of a join token has 16 digits 0-9 and a-f");
        if (GivenNames.WhyNot("node", change.Node) is { } why)
            return Refusal.Wrong(why);
        if (change.ProofHash.Length != SHA256.HashSizeInBytes)
        {
            return Refusal.Wrong(
                $"the hash of a join token has {SHA256.HashSizeInBytes} bytes; this one has "
                + $"{change.ProofHash.Length}");
        }

        if (change.Sealed.Length is 0 or > Limits.SealedBytesMax)
        {
            return Refusal.Wrong(
                $"a join token seals 1 to {Limits.SealedBytesMax} bytes; this one has "
                + $"{change.Sealed.Length}");
        }

        if (change.ExpiresMs <= nowMs)
            return Refusal.Wrong("expires_ms has passed: a join token ends in the future");
        if (change.ExpiresMs - nowMs > Limits.JoinTokenLifeMaxMs)
        {
            return Refusal.Wrong(
                $"a join token lives {Limits.JoinTokenLifeMaxMs / 86_400_000} days at most");
        }

        if (table.JoinTokens.GetValueOrDefault(change.Id) is { } known)
        {
            return known.Node == change.Node && known.ProofHash.Span.SequenceEqual(change.ProofHash)
                ? Refusal.Already($"there is join token {change.Id} for node '{change.Node}'")
                : Refusal.Impossible($"there is a join token {change.Id} already");
        }

        if (table.JoinTokens.Values.Count(one => one.ExpiresMs > nowMs) >= Limits.JoinTokensMax)
        {
            return Refusal.Impossible(
                $"there are {Limits.JoinTokensMax} join tokens, which is the most there can be: revoke one");
        }

        return new AdminDecision.Propose(
            $"there is join token {change.Id} for node '{change.Node}'",
            timeMs => AccessCodec.Encode(
                new JoinTokenRecord(
                    change.Id, change.Node, change.ProofHash, change.Sealed, timeMs, change.ExpiresMs),
                timeMs),
            now => now.Access.JoinTokens.ContainsKey(change.Id));
    }

    private static AdminDecision Decide(RevokeJoinToken change, AccessTable table)
    {
        if (table.JoinTokens.GetValueOrDefault(change.Id) is not { } token)
        {
            return Refusal.Wrong(
                $"no join token '{Refusal.Shown(change.Id)}': kvorum join-token list shows those there are");
        }

        return new AdminDecision.Propose(
            $"join token {token.Id} for node '{token.Node}' is {(change.IsUsed ? "used up" : "revoked")}",
            timeMs => AccessCodec.EncodeEnd(MetaRecords.DropTokenCommand, token.Id, timeMs),
            now => !now.Access.JoinTokens.ContainsKey(token.Id));
    }

    private static AdminDecision Decide(UseJoinToken change, AccessTable table, ulong nowMs)
    {
        if (change.Claimant.Length != Limits.ClaimantBytes)
            return Refusal.Wrong($"a node that shows a join token draws {Limits.ClaimantBytes} bytes");
        if (table.JoinTokens.GetValueOrDefault(change.Id) is not { } token)
        {
            return Refusal.Impossible(
                $"there is no join token {Refusal.Shown(change.Id)}: it was used, revoked, or never made");
        }

        if (!CryptographicOperations.FixedTimeEquals(SHA256.HashData(change.Proof), token.ProofHash.Span))
        {
            return Refusal.Impossible(
                $"what was shown for join token {token.Id} of node '{token.Node}' is wrong: somebody "
                + "guesses, or the token is damaged");
        }

        if (token.ExpiresMs <= nowMs)
            return Refusal.Impossible($"join token {token.Id} for node '{token.Node}' has expired");
        if (!token.IsUsed)
        {
            return new AdminDecision.Propose(
                $"join token {token.Id} is used by node '{token.Node}'",
                timeMs => AccessCodec.EncodeUse(token.Id, change.Claimant, timeMs),
                now => now.Access.JoinTokens.GetValueOrDefault(token.Id) is { } used
                    && used.Claimant.Span.SequenceEqual(change.Claimant));
        }

        return CryptographicOperations.FixedTimeEquals(token.Claimant.Span, change.Claimant)
            ? Refusal.Already($"join token {token.Id} is used by node '{token.Node}'")
            : Refusal.Impossible(
                $"join token {token.Id} for node '{token.Node}' was used by another process: if that was not "
                + "the node, revoke the certificate of the node");
    }
}
