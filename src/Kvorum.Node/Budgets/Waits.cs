namespace Kvorum.Node.Budgets;

/// <summary>How long requests took in some time.</summary>
/// <param name="SlowMs">What one in twenty took at least, in milliseconds.</param>
/// <param name="MeanMs">What they took on average, in milliseconds.</param>
internal readonly record struct Waits(long SlowMs, double MeanMs);
