using Kvorum.Tests.House.Samples.Left;

namespace Kvorum.Tests.House.Samples.Right;

/// <summary>Bad on purpose: the other half of a cycle of folders, in a parameter's type.</summary>
internal sealed class UsesLeft(List<UsesRight[]>? left)
{
    public int Count => left?.Count ?? 0;
}
