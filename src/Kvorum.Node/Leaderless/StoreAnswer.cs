using Kvorum.Quorum;

namespace Kvorum.Node.Leaderless;

/// <summary>What a replica says of a record that it was to store.</summary>
/// <param name="Result">What became of it; durable in each case. Void after a refusal.</param>
/// <param name="Refusal">Why nothing was stored; null if it was.</param>
internal readonly record struct StoreAnswer(StoreResult Result, RefusalReason? Refusal)
{
    /// <summary>It is durable.</summary>
    public static StoreAnswer Of(StoreResult result) => new(result, Refusal: null);

    /// <summary>Nothing was stored.</summary>
    public static StoreAnswer Refused(RefusalReason reason) => new(default, reason);
}
