using Kvorum.Node;
using Kvorum.Raft;

namespace Kvorum.Tests.Server.Peers;

/// <summary>The members change while the transport runs.</summary>
public class PeerLinksTests
{
    [Fact]
    public async Task A_new_member_is_dialled_and_heard()
    {
        var at = NodeAddress.Free(2);
        await using var first = new PeerNode(at[0], at[..1]).Start();
        await using var second = new PeerNode(at[1], at).Start();
        await Eventually.Holds(() => HasLine(second, "111 "));
        Assert.False(first.Send(second, 1));
        first.Follow(at);
        await Eventually.Holds(() => first.IsUp(second) && second.IsUp(first));
        Assert.True(first.Send(second, 1));
        Assert.True(second.Send(first, 2));
        await Eventually.Holds(() => first.Frames.Count == 1 && second.Frames.Count == 1);
    }

    /// <summary>A member that others have not heard of yet is let in soon after they have.</summary>
    [Fact]
    public async Task A_node_that_is_no_member_yet_tries_on_with_the_ordinary_pause()
    {
        var patient = PeerNode.Fast with { BackoffMax = TimeSpan.FromMinutes(5) };
        var at = NodeAddress.Free(2);
        // It does not find the second one itself.
        NodeAddress[] wrong = [at[0], at[1] with { Address = NodeAddress.Free(1)[0].Address }];
        await using var first = new PeerNode(at[0], at[..1], patient).Start();
        await using var second = new PeerNode(at[1], at, patient).Start();
        await Eventually.Holds(() => HasLine(second, "111 "));
        Assert.Equal(at[1].Address, first.InVain.First().PeerAddress);
        first.Follow(wrong);
        await Eventually.Holds(() => second.IsUp(first));
    }

    [Fact]
    public async Task A_removed_member_is_told_down_once_and_refused()
    {
        await using var pair = await PeerPair.Connected();
        pair.First.Follow(pair.First.Self);
        await Eventually.Holds(() => !pair.First.Downs.IsEmpty);
        Assert.Equal([(pair.Second.Self.Id, PeerLoss.Silent)], pair.First.Downs);
        Assert.Contains(pair.First.LogLines, line => line.StartsWith("113 ", StringComparison.Ordinal));
        Assert.False(pair.First.Send(pair.Second, 1));
        // Both of its connections are gone, and it learns why when it dials again.
        await Eventually.Holds(() => pair.Second.LogLines.Any(line =>
            line.StartsWith("111 ", StringComparison.Ordinal)
            && line.Contains("was removed from the cluster", StringComparison.Ordinal)));
        await Eventually.Holds(() => HasLine(pair.First, "112 "));
        Assert.Single(pair.First.Downs);
        Assert.Single(pair.First.Ups);
    }

    [Fact]
    public async Task A_removed_member_that_was_not_up_is_not_told_and_not_dialled()
    {
        var at = NodeAddress.Free(2);
        await using var first = new PeerNode(at[0], at).Start();
        await Eventually.Holds(() => !first.Downs.IsEmpty);
        first.Follow();
        await Eventually.Holds(() => HasLine(first, "113 "));
        Assert.Single(first.Downs);
        await using var second = new PeerNode(at[1], at).Start();
        await Eventually.Holds(() => HasLine(second, "111 "));
        Assert.Empty(first.Ups);
        Assert.Single(first.Downs);
    }

    /// <summary>What the former link still tells must not come after what the new one tells.</summary>
    [Fact]
    public async Task A_member_that_leaves_and_comes_back_is_down_and_then_up()
    {
        await using var pair = await PeerPair.Connected();
        for (var round = 1; round <= 5; round++)
        {
            pair.First.Follow();
            pair.First.Follow(pair.Second.Self);
            await Eventually.Holds(() => pair.First.Ups.Count == round + 1);
            Assert.Equal(round, pair.First.Downs.Count);
        }

        Assert.True(pair.First.Send(pair.Second, 1));
        await Eventually.Holds(() => pair.Second.Frames.Count == 1);
    }

    [Fact]
    public async Task Who_stays_is_not_disturbed()
    {
        var at = NodeAddress.Free(3);
        await using var first = new PeerNode(at[0], at).Start();
        await using var second = new PeerNode(at[1], at).Start();
        await using var third = new PeerNode(at[2], at).Start();
        await Eventually.Holds(() => first.Ups.Count == 2 && second.Ups.Count == 2 && third.Ups.Count == 2);
        NodeId[] missed() => [.. second.Downs.Select(down => down.Peer)];
        for (var round = 0; round < 3; round++)
        {
            second.Follow(at);
            second.Follow(at[..2]);
            await Eventually.Holds(() => missed().Length == round + 1);
            second.Follow(at);
            await Eventually.Holds(() => second.Ups.Count == round + 3);
        }

        Assert.DoesNotContain(at[0].Id, missed());
        Assert.Single(second.Ups, up => up.Id == at[0].Id);
    }

    [Fact]
    public async Task A_member_that_has_moved_is_dialled_where_it_is()
    {
        await using var pair = await PeerPair.Connected();
        await pair.Second.DisposeAsync();
        await Eventually.Holds(() => !pair.First.Downs.IsEmpty);
        var moved = pair.Second.Self with { Address = NodeAddress.Free(1)[0].Address };
        // It does not dial the first one itself.
        var elsewhere = pair.First.Self with { Address = NodeAddress.Free(1)[0].Address };
        await using var again = new PeerNode(moved, [elsewhere, moved]).Start();
        pair.First.Follow(pair.First.Self, moved);
        await Eventually.Holds(() => pair.First.Ups.Count == 2);
        Assert.Equal(moved.Address, pair.First.Ups.Last().PeerAddress);
    }

    [Fact]
    public async Task Members_may_change_from_many_threads_and_beyond_the_end()
    {
        await using var pair = await PeerPair.Connected();
        var at = new[] { pair.First.Self, pair.Second.Self };
        Parallel.For(0, 4, thread =>
        {
            for (var round = 0; round < 300; round++)
                pair.First.Follow((round + thread) % 2 == 0 ? at : at[..1]);
        });
        pair.First.Follow(at);
        await Eventually.Holds(() => pair.First.Ups.Count == pair.First.Downs.Count + 1
            && pair.First.Send(pair.Second, 1));
        await pair.First.DisposeAsync();
        var told = pair.First.Downs.Count + pair.First.Ups.Count;
        pair.First.Follow();
        pair.First.Follow(at);
        Assert.Equal(told, pair.First.Downs.Count + pair.First.Ups.Count);
    }

    private static bool HasLine(PeerNode node, string number) =>
        node.LogLines.Any(line => line.StartsWith(number, StringComparison.Ordinal));
}
