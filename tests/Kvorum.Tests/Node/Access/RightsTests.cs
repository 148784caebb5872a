using System.Text;
using Kvorum.Node.Access;
using Kvorum.Protocol;
using Kvorum.Tests.Protocol;

namespace Kvorum.Tests.Node.Access;

public class RightsTests
{
    private static readonly Rights Shop = new(
    [
        new("orders", Bytes("user:"), AccessActions.Read | AccessActions.Scan),
        new("orders", Bytes("user:7"), AccessActions.Write),
        new(AccessNeed.AllKeyspaces, default, AccessActions.Status),
    ]);

    // All keys of up to three letters: the least and the greatest byte, and one between.
    private static readonly byte[][] Keys = [.. Longer([[]], 3)];

    [Theory]
    [InlineData("orders", "user:1", AccessActions.Read, true)]
    [InlineData("orders", "user:", AccessActions.Read, true)]
    [InlineData("orders", "user;", AccessActions.Read, false)]
    [InlineData("orders", "use", AccessActions.Read, false)]
    [InlineData("other", "user:1", AccessActions.Read, false)]
    [InlineData("orders", "user:1", AccessActions.Write, false)]
    [InlineData("orders", "user:70", AccessActions.Write, true)]
    [InlineData("orders", "user:70", AccessActions.Write | AccessActions.Read, true)]
    [InlineData("orders", "user:70", AccessActions.Write | AccessActions.Delete, false)]
    public void A_key_is_of_a_grant_if_it_begins_with_its_prefix(
        string keyspace, string key, AccessActions actions, bool isAllowed) =>
        Assert.Equal(isAllowed, Shop.Allow(AccessNeed.OfKey(actions, keyspace, Bytes(key))));

    [Theory]
    [InlineData("user:", "user;", true)]
    [InlineData("user:1", "user:5", true)]
    [InlineData("user:", "user;\0", false)]
    [InlineData("user:", "", false)]
    [InlineData("", "user;", false)]
    [InlineData("use", "user;", false)]
    [InlineData("user:", "v", false)]
    [InlineData("user;", "v", false)]
    [InlineData("", "", false)]
    public void A_range_is_of_a_grant_only_if_all_of_it_is(string from, string end, bool isAllowed) =>
        Assert.Equal(isAllowed, Shop.Allow(new(
            AccessActions.Scan, "orders", new(Bytes(from), Bytes(end)))));

    [Fact]
    public void What_concerns_a_keyspace_or_the_cluster_takes_a_grant_of_all_of_it()
    {
        Assert.False(Shop.Allow(AccessNeed.OfKeyspace(AccessActions.Read, "orders")));
        Assert.True(Shop.Allow(AccessNeed.OfKeyspace(AccessActions.Status, "orders")));
        Assert.True(Shop.Allow(AccessNeed.OfCluster(AccessActions.Status)));
        Assert.False(Shop.Allow(AccessNeed.OfCluster(AccessActions.Read)));
        Assert.True(Rights.None.Allow(AccessNeed.Known));
        Assert.True(Rights.All.Allow(AccessNeed.OfCluster(AccessActionNames.All)));
    }

    /// <summary>Whatever the bounds: no key that is not granted is in a range that is allowed.</summary>
    [Fact]
    public void No_range_that_is_allowed_has_a_key_that_is_not()
    {
        var allowed = 0;
        foreach (var prefix in Keys)
        {
            var rights = new Rights([new("k", prefix, AccessActions.Scan | AccessActions.Read)]);
            byte[][] denied =
                [.. Keys.Where(key => !rights.Allow(AccessNeed.OfKey(AccessActions.Read, "k", key)))];
            foreach (var from in Keys)
            {
                foreach (var end in Keys)
                {
                    if (!rights.Allow(new(AccessActions.Scan, "k", new(from, end))))
                        continue;
                    allowed++;
                    Assert.DoesNotContain(denied, key => from.AsSpan().SequenceCompareTo(key) <= 0
                        && (end.Length == 0 || key.AsSpan().SequenceCompareTo(end) < 0));
                }
            }
        }

        Assert.InRange(allowed, 2000, 40_000);
    }

    [Fact]
    public void The_range_of_a_granted_prefix_is_allowed() => Assert.All(Keys, prefix => Assert.All(
        Keys, rest => Assert.True(new Rights([new("k", prefix, AccessActions.Scan)]).Allow(
            new(AccessActions.Scan, "k", KeyRange.OfPrefix((byte[])[.. prefix, .. rest]))))));

    [Fact]
    public void Every_request_says_which_rights_it_needs()
    {
        var needs = EveryRequest.About("k").ToDictionary(
            static request => request.Kind, static request => AccessNeed.Of(request));
        Assert.Equal(
            new SortedDictionary<RequestKind, AccessActions>
            {
                [RequestKind.Put] = AccessActions.Write,
                [RequestKind.Get] = AccessActions.Read,
                [RequestKind.Delete] = AccessActions.Delete,
                [RequestKind.Scan] = AccessActions.Scan,
            },
            new SortedDictionary<RequestKind, AccessActions>(
                needs.ToDictionary(static one => one.Key, static one => one.Value.Actions)));
        Assert.All(needs.Values, static need => Assert.Equal("k"u8.ToArray(), need.Keys.From.ToArray()));
    }

    /// <summary>Who may only write learns nothing of what is stored.</summary>
    [Fact]
    public void A_write_that_tells_something_takes_the_right_to_read()
    {
        var put = new PutRequest { Key = Bytes("k"), Value = default };
        Assert.Equal(AccessActions.Write, AccessNeed.Of(put).Actions);
        Assert.Equal(
            AccessActions.Write | AccessActions.Read,
            AccessNeed.Of(put with { ReturnPrevious = true }).Actions);
        Assert.Equal(
            AccessActions.Write | AccessActions.Read, AccessNeed.Of(put with { IfVersion = 0 }).Actions);
        Assert.Equal(
            AccessActions.Delete | AccessActions.Read,
            AccessNeed.Of(new DeleteRequest { Key = Bytes("k"), IfVersion = 3 }).Actions);
    }

    [Fact]
    public void Names_of_actions_are_read_and_shown()
    {
        Assert.Equal(AccessActions.Read | AccessActions.Security,
            AccessActionNames.ParseOrNull(["read", "security"]));
        Assert.Null(AccessActionNames.ParseOrNull(["read", "everything"]));
        Assert.Equal(AccessActionNames.All, AccessActionNames.ParseOrNull(AccessActionNames.Names));
        Assert.Equal(["write", "scan"], AccessActionNames.Of(AccessActions.Scan | AccessActions.Write));
    }

    private static IEnumerable<byte[]> Longer(IEnumerable<byte[]> keys, int more) => more == 0 ? keys
        : keys.Concat(Longer(
            keys.SelectMany(static key => ((byte[])[0, 1, 255]).Select(one => (byte[])[.. key, one])),
                more - 1));

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
