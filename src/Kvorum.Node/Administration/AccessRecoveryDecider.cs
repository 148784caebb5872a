using System.Security.Cryptography;
using Kvorum.Node.Access;
using Kvorum.Node.State;

namespace Kvorum.Node.Administration;

/// <summary>
/// What is to be done about an order of <c>kvorum user recover</c> that enough nodes have, by the committed
/// state. It is refused for good only where it can never be done.
/// </summary>
internal static class AccessRecoveryDecider
{
    /// <summary>The decision.</summary>
    public static AdminDecision Decide(ConfirmAccess change, MetaMachine state, ulong nowMs)
    {
        if (WhyNot(change, state, nowMs) is { } why)
            return Refusal.Wrong(why);
        if (IsDone(change, state))
            return Refusal.Already($"order {change.Order} of kvorum user recover is done");
        var known = state.Access.Users.GetValueOrDefault(change.User);
        var user = change.User.Length == 0 ? null : new UserRecord(
            change.User, [.. (known?.Roles ?? []).Append(AccessTable.AdminRole).Distinct()],
            IsDisabled: false);
        return new AdminDecision.Propose(
            $"order {change.Order} of kvorum user recover is done",
            timeMs => AccessCodec.EncodeRecovery(
                user, user is null ? null : new(change.KeyId, user.Name, change.KeyHash, timeMs, 0),
                change.RightsOff, timeMs),
            now => IsDone(change, now));
    }

    /// <summary>True if the committed state shows it.</summary>
    public static bool IsDone(ConfirmAccess change, MetaMachine state) =>
        change.User.Length > 0 ? state.Access.Keys.ContainsKey(change.KeyId) : !state.Access.IsOn;

    /// <summary>Why it is never done; null if it may be.</summary>
    public static string? WhyNot(ConfirmAccess change, MetaMachine state, ulong nowMs)
    {
        if (ClusterIdentity.ToUInt128(change.ClusterId) != state.ClusterId)
        {
            return $"the order is for cluster {change.ClusterId}, and this is cluster "
                + $"{ClusterIdentity.ToGuid(state.ClusterId)}";
        }

        if (change.ExpiresMs <= nowMs)
            return "the order has expired: make a new plan with kvorum user recover plan";
        if (change.User.Length == 0)
            return change.RightsOff ? null : "the order names no user, and leaves rights as they are";
        return GivenNames.WhyNot("user", change.User)
            ?? (AccessDecider.IsNumber(change.KeyId) && change.KeyHash.Length == SHA256.HashSizeInBytes ? null
                : "the order has no API key: make a new plan with kvorum user recover plan");
    }
}
