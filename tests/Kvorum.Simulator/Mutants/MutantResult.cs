namespace Kvorum.Simulator.Mutants;

/// <summary>What became of the search for one mutant.</summary>
/// <param name="Mutant">The mutant.</param>
/// <param name="Found">True if the searcher failed, as it should.</param>
/// <param name="Seed">The first seed that showed it; 0 if none did.</param>
/// <param name="Took">How long the search took.</param>
/// <param name="Complaint">The first line of what the searcher said.</param>
internal sealed record MutantResult(Mutant Mutant, bool Found, ulong Seed, TimeSpan Took, string Complaint);
