using System.Diagnostics.CodeAnalysis;

namespace Kvorum.Node;

/// <summary>
/// What must hold, in production too: a broken invariant is a fault of ours, and stopping is better than a
/// wrong answer.
/// </summary>
internal static class Invariant
{
    /// <summary>Throws if the condition does not hold.</summary>
    public static void Check([DoesNotReturnIf(false)] bool condition, string broken)
    {
        if (!condition)
            Fail(broken);
    }

    [DoesNotReturn]
    private static void Fail(string broken) => throw new InvalidOperationException($"broken invariant: {broken}");
}
