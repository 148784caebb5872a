namespace Kvorum.Tests.House;

public sealed class InvariantTests
{
    [Fact]
    public void Expensive_checks_are_on_in_tests()
    {
        Assert.True(global::Kvorum.Raft.Invariant.Expensive);
        Assert.True(global::Kvorum.Quorum.Invariant.Expensive);
        Assert.True(global::Kvorum.Storage.Invariant.Expensive);
    }
}
