namespace Kvorum.Verification.Search;

/// <summary>
/// The sequential specification: one key with a value and a version that grows with each write. A versioned
/// register, a compare-and-set register and a counter at once.
/// </summary>
internal static class RegisterModel
{
    /// <summary>
    /// True if the step may happen in <paramref name="state"/> with the answer that it got; then
    /// <paramref name="next"/> is what the key holds after it, with all that the answer tells of its
    /// version. A step of unknown outcome that would change nothing is false: it need not happen.
    /// </summary>
    public static bool TryApply(in KeyStep step, KeySteps values, RegisterState state, out RegisterState next)
    {
        next = state;
        if (step.Kind == OperationKind.Expire)
            return Expires(step, ref next);
        if (step.IsRefused)
            return IsRefused(step, ref next);
        if (step.IfVersion is { } condition && !HasVersion(ref next, condition))
            return false;
        if (step.Kind == OperationKind.Add)
            return Adds(step, values, ref next);
        if (step.Seen != KeyStep.NothingSeen && step.Seen != next.Value)
            return false;
        return step.Kind switch
        {
            OperationKind.Get => step.Version is not { } version || HasVersion(ref next, version),
            OperationKind.Put => Writes(step, step.Value, ref next),
            _ => (step.IsCertain || next.Value != RegisterState.Absent)
                && Writes(step, RegisterState.Absent, ref next),
        };
    }

    // A refusal without a reported version is accepted if the key's version is not known.
    private static bool IsRefused(in KeyStep step, ref RegisterState state)
    {
        if (step.Version is { } present)
            return present != step.IfVersion && HasVersion(ref state, present);
        var known = state.Value == RegisterState.Absent ? 0 : state.Floor;
        return !state.HasVersion || known != step.IfVersion;
    }

    // What ends was written: versions up to its own have been. If another value has taken its place, nothing
    // is left to end. It takes no version itself.
    private static bool Expires(in KeyStep step, ref RegisterState state)
    {
        var version = step.Version!.Value;
        var newest = Math.Max(state.Floor, version);
        if (state.Value == step.Value)
        {
            var isThere = state.HasVersion ? state.Floor == version : state.Floor < version;
            state = new(RegisterState.Absent, newest, true);
            return isThere;
        }

        if (!step.IsCertain || (state.Value != RegisterState.Absent && state.HasVersion))
            return step.IsCertain && state.Floor > version;
        state = state with { Floor = newest };
        return true;
    }

    private static bool Adds(in KeyStep step, KeySteps values, ref RegisterState state) =>
        values.TryAdd(state.Value, step.Delta, out var sum)
        && (step.Seen == KeyStep.NothingSeen || step.Seen == sum)
        && Writes(step, sum, ref state);

    private static bool Writes(in KeyStep step, int value, ref RegisterState state)
    {
        if (step.Version is { } version)
        {
            if (version <= state.LeastVersion)
                return false;
            state = new(value, version, true);
            return true;
        }

        // The version is somewhere above; a key that is absent has none.
        state = value == RegisterState.Absent
            ? new(value, state.LeastVersion + 1, true)
            : new(value, state.LeastVersion, false);
        return true;
    }

    // Learns the version if it was not known. An absent key reports version 0.
    private static bool HasVersion(ref RegisterState state, ulong version)
    {
        if (state.Value == RegisterState.Absent)
            return version == 0;
        if (state.HasVersion)
            return version == state.Floor;
        if (version <= state.Floor)
            return false;
        state = new(state.Value, version, true);
        return true;
    }
}
