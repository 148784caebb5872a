namespace Kvorum.Verification;

/// <summary>The result of <see cref="LinearizabilityChecker"/>.</summary>
/// <param name="Violations">One for each key whose operations have no order.</param>
/// <param name="Undecided">Keys on which the search was given up, at its bound.</param>
/// <param name="Configurations">Number of configurations searched, for reports.</param>
public sealed record LinearizabilityResult(
    IReadOnlyList<Violation> Violations, IReadOnlyList<string> Undecided, long Configurations)
{
    /// <summary>True if every key's operations were shown to have an order.</summary>
    public bool IsLinearizable => Violations.Count == 0 && Undecided.Count == 0;
}
