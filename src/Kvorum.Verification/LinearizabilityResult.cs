namespace Kvorum.Verification;

/// <summary>What <see cref="LinearizabilityChecker"/> found.</summary>
/// <param name="Violations">One for each key whose operations have no order.</param>
/// <param name="Undecided">Keys on which the search was given up, at its bound.</param>
/// <param name="Configurations">How much was searched, in configurations; for people.</param>
public sealed record LinearizabilityResult(
    IReadOnlyList<Violation> Violations, IReadOnlyList<string> Undecided, long Configurations)
{
    /// <summary>True if every key's operations were shown to have an order.</summary>
    public bool IsLinearizable => Violations.Count == 0 && Undecided.Count == 0;
}
