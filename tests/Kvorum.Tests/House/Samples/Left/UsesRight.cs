namespace Kvorum.Tests.House.Samples.Left;

/// <summary>Bad on purpose: half of a cycle of folders, hidden in a lambda.</summary>
internal sealed class UsesRight
{
    public static Func<object> Make() => () => new Right.UsesLeft(null);
}
