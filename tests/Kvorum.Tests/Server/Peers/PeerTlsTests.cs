using Kvorum.Node;
using Kvorum.Server.Certificates;
using Kvorum.Server.Listeners;
using Kvorum.Server.Peers;
using Kvorum.Server.Tls;
using Kvorum.Tests.Server.Tls;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvorum.Tests.Server.Peers;

/// <summary>Nodes that know each other by certificates.</summary>
public sealed class PeerTlsTests : IDisposable
{
    private readonly TlsFolder _folder = new();
    private readonly List<TlsKeeper> _keepers = [];

    public void Dispose()
    {
        _keepers.ForEach(static keeper => keeper.Dispose());
        _folder.Dispose();
    }

    [Fact]
    public async Task Nodes_with_certificates_of_their_own_talk()
    {
        var at = NodeAddress.Free(2);
        await using var first = new PeerNode(at[0], at, With(_folder, "node-1")).Start();
        // A UUID is as good as a name.
        var uuid = ClusterIdentity.ToGuid(at[1].Id.Value).ToString();
        await using var second = new PeerNode(at[1], at, With(_folder, uuid)).Start();
        await Eventually.Holds(() => first.IsUp(second) && second.IsUp(first));
        for (var n = 0; n < 100; n++)
            Assert.True(first.Send(second, [.. Enumerable.Repeat((byte)n, 1 + (n * 997))]));
        await Eventually.Holds(() => second.Frames.Count == 100);
        Assert.Equal(
            Enumerable.Range(0, 100).Select(static n => (n, 1 + (n * 997))),
            second.Frames.Select(static frame => ((int)frame.Payload.Span[0], frame.Payload.Length)));
    }

    [Fact]
    public async Task A_node_with_the_certificate_of_another_is_refused_on_both_sides()
    {
        var at = NodeAddress.Free(2);
        await using var first = new PeerNode(at[0], at, With(_folder, "node-1")).Start();
        await using var second = new PeerNode(at[1], at, With(_folder, "node-9")).Start();
        await Eventually.Holds(() => !first.Refusals.IsEmpty && !second.Refusals.IsEmpty);
        Assert.All(first.Refusals.Concat(second.Refusals), static why => Assert.Contains(
            "shows the certificate of node node-9: give it one of its own", why, StringComparison.Ordinal));
        Assert.Empty(first.Ups.Concat(second.Ups));
    }

    /// <summary>It says of itself what its certificate says, but the cluster knows that id by another
    /// name.</summary>
    [Fact]
    public async Task A_node_that_takes_the_id_of_another_is_refused()
    {
        var at = NodeAddress.Free(2);
        await using var first = new PeerNode(at[0], at, With(_folder, "node-1")).Start();
        await using var thief = new PeerNode(
            at[1] with { Name = "node-7" }, at, With(_folder, "node-7")).Start();
        await Eventually.Holds(() => !first.Refusals.IsEmpty && !thief.Refusals.IsEmpty);
        Assert.All(first.Refusals, static why => Assert.Contains(
            "is known here as node-2, and shows the certificate of node node-7", why,
                StringComparison.Ordinal));
        Assert.Empty(first.Ups);
    }

    [Fact]
    public async Task A_node_of_another_CA_is_refused_on_both_sides()
    {
        using var stranger = new TlsFolder("Stranger CA");
        var at = NodeAddress.Free(2);
        await using var first = new PeerNode(at[0], at, With(_folder, "node-1")).Start();
        await using var other = new PeerNode(at[1], at, With(stranger, "node-2")).Start();
        await Eventually.Holds(() => !first.Refusals.IsEmpty && !other.Refusals.IsEmpty);
        Assert.All(first.Refusals.Concat(other.Refusals), static why => Assert.Contains(
            "is refused: it is signed by no CA of the CA file", why, StringComparison.Ordinal));
        Assert.Empty(first.Ups.Concat(other.Ups));
    }

    [Fact]
    public async Task A_plain_node_and_one_that_takes_TLS_only_tell_each_other()
    {
        var at = NodeAddress.Free(2);
        await using var secure = new PeerNode(at[0], at, With(_folder, "node-1")).Start();
        await using var plain = new PeerNode(at[1], at).Start();
        await Eventually.Holds(() => !plain.Refusals.IsEmpty && plain.LogLines.Any(static line =>
            line.Contains("it speaks TLS, and this node does not", StringComparison.Ordinal)));
        Assert.All(plain.Refusals, static why => Assert.Contains(
            "speaks TLS with nodes and takes no plain connection", why, StringComparison.Ordinal));
        await Eventually.Holds(() => secure.LogLines.Any(static line =>
            line.Contains("no TLS came to stand", StringComparison.Ordinal)));
        Assert.Empty(secure.Ups.Concat(plain.Ups));
    }

    [Fact]
    public async Task While_a_cluster_is_switched_over_nodes_with_and_without_TLS_talk()
    {
        var at = NodeAddress.Free(3);
        await using var plain = new PeerNode(at[0], at).Start();
        await using var both = new PeerNode(at[1], at, With(_folder, "node-2", takesPlain: true)).Start();
        await using var next = new PeerNode(at[2], at, With(_folder, "node-3", takesPlain: true)).Start();
        PeerNode[] all = [plain, both, next];
        await Eventually.Holds(() => all.All(one => all.Where(other => other != one).All(one.IsUp)));
        Assert.Empty(all.SelectMany(static one => one.Refusals));
    }

    [Fact]
    public async Task A_question_to_join_comes_with_a_certificate()
    {
        var at = NodeAddress.Free(3);
        await using var member = new PeerNode(at[0], at[..2], With(_folder, "node-1")).Start();
        await using var joiner = new PeerNode(at[2], [at[2]], With(_folder, "node-3")).Start();
        member.OnAsk = static (ask, answer) => answer(new byte[] { 9, ask.Span[0] });
        joiner.AskToJoin(at[0].Address, 4);
        await Eventually.Holds(() => !joiner.Answers.IsEmpty);
        Assert.Equal([9, 4], joiner.Answers.Single().Bytes.ToArray());
        await using var plain = new PeerNode(at[1], [at[1]]).Start();
        plain.AskToJoin(at[0].Address, 4);
        await Eventually.Holds(() => !plain.Answers.IsEmpty);
        Assert.Contains(
            "takes no plain connection", plain.Answers.Single().Failure!, StringComparison.Ordinal);
    }

    private TransportOptions With(TlsFolder folder, string name, bool takesPlain = false)
    {
        folder.Issue(CertificateRole.Node, name);
        var keeper = new TlsKeeper(folder.Files(name), TimeProvider.System, NullLogger.Instance);
        _keepers.Add(keeper);
        var log = new Listeners.KeptLines();
        return PeerNode.Fast with
        {
            ConnectTimeout = TimeSpan.FromSeconds(5),
            Dial = new(keeper, takesPlain),
            Door = new(
                keeper,
                new()
                {
                    Listener = "--peer-addr",
                    Protocols = [TlsDial.Peers],
                    Clients = ClientCertificates.Require,
                    NodesOnly = true,
                    TakesPlain = takesPlain,
                },
                new SourceLines(log, TimeProvider.System), log),
        };
    }
}
