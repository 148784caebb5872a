using Kvorum.Node;
using Kvorum.Node.State;
using Kvorum.Tests.Node.State.Harness;

namespace Kvorum.Tests.Node.State;

public sealed class MetaFormatsTests : IDisposable
{
    private readonly MetaBench _bench = new();

    private MetaMachine Machine => _bench.Machine;

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void The_version_rises_once_all_members_speak_a_newer_one_and_never_goes_back()
    {
        _bench.Join(1, "a");
        _bench.Join(2, "b");
        Assert.Equal(1, Machine.ActiveFormat);
        Assert.False(Raise(2, 1));
        Assert.False(Raise(1, 1, 2));
        Assert.True(Raise(2, 1, 2));
        Assert.Equal(2, Machine.ActiveFormat);
        Assert.True(Machine.IsCheckpointDue);
        _bench.CheckReloaded();
        Assert.False(Raise(2, 1, 2));
        Assert.False(Raise(1, 1, 2));
        Assert.Equal(2, Machine.ActiveFormat);
    }

    /// <summary>Those that are lost or removed never come back, and hold nothing up.</summary>
    [Fact]
    public void Who_is_no_member_any_more_is_not_asked()
    {
        _bench.Join(1, "a");
        _bench.Join(2, "b");
        _bench.Become(2, MemberStatus.Lost);
        Assert.True(Raise(2, 1));
    }

    [Fact]
    public void A_node_that_does_not_speak_the_version_cannot_join()
    {
        _bench.Join(1, "a");
        Assert.Null(Machine.WhyNotJoin(MetaBench.Node(2), MetaBench.Member("b"), FormatRange.OnlyFirst));
        Assert.Equal(
            "this cluster has format version 1, and node b speaks 2 to 3: start it with the kvorum that the "
            + "members run",
            Machine.WhyNotJoin(MetaBench.Node(2), MetaBench.Member("b"), new(2, 3)));
        Raise(2, 1);
        Assert.Equal(
            "this cluster has format version 2, and node b speaks 1 only: start it with the kvorum that the "
            + "members run",
            Machine.WhyNotJoin(MetaBench.Node(2), MetaBench.Member("b"), FormatRange.OnlyFirst));
        // Proposed before the version rose, and in the log behind it.
        Assert.False(_bench.Join(2, "b"));
        Assert.True(_bench.Apply(
            MetaRecords.EncodeJoin(MetaBench.Node(2), MetaBench.Member("b"), 5, FormatRange.Own)));
    }

    [Fact]
    public void A_program_that_does_not_speak_it_does_not_go_on()
    {
        _bench.Join(1, "a");
        _bench.Formats = FormatRange.OnlyFirst;
        var unknown = Assert.Throws<FormatException>(() => Raise(2, 1));
        Assert.Equal("unknown metadata command kind 15: written by a newer version?", unknown.Message);
        Assert.Throws<FormatException>(() => _bench.Apply(MetaRecords.EncodeStages([], 5)));
        _bench.Formats = FormatRange.Own;
        Assert.Contains(
            "has format version 3, and this program speaks 1 to 2",
            Assert.Throws<FormatException>(() => Raise(3, 1)).Message, StringComparison.Ordinal);
        Raise(2, 1);
        _bench.Formats = FormatRange.OnlyFirst;
        Assert.Contains(
            "unknown metadata record kind 102", Assert.Throws<FormatException>(_bench.Reloaded).Message,
            StringComparison.Ordinal);
        _bench.Formats = new(3, 4);
        Assert.Contains(
            "has format version 2, and this program speaks 3 to 4",
            Assert.Throws<FormatException>(_bench.Reloaded).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Golden_bytes()
    {
        var zeros = new string('0', 30);
        Assert.Equal(
            "0f" + "0500000000000000" + "0200" + "01" + zeros + "02" + zeros,
            Convert.ToHexStringLower(MetaRecords.EncodeFormat(2, [MetaBench.Node(1), MetaBench.Node(2)], 5)));
        var join = MetaRecords.EncodeJoin(MetaBench.Node(1), MetaBench.Member("a"), 5);
        Assert.Equal(
            Convert.ToHexStringLower(join) + "01000200",
            Convert.ToHexStringLower(
                MetaRecords.EncodeJoin(MetaBench.Node(1), MetaBench.Member("a"), 5, FormatRange.Own)));
    }

    private bool Raise(int version, params int[] speakers) =>
        _bench.Apply(MetaRecords.EncodeFormat(version, speakers.Select(MetaBench.Node), 5));
}
