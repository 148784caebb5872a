using Kvorum.Server.Peers;

namespace Kvorum.Tests.Server.Peers;

public class PeerPlacesTests
{
    private readonly PeerPlaces _places = new("first");

    [Fact]
    public void The_newest_is_dialled_first_and_then_the_others_in_turn()
    {
        _places.Learn("second");
        Assert.Equal(["second", "first", "second"], Tried(3));
        _places.Learn("third");
        Assert.Equal(["third", "second", "first", "third"], Tried(4));
    }

    [Fact]
    public void The_first_one_is_never_forgotten_and_the_oldest_of_the_others_is()
    {
        foreach (var place in new[] { "a", "b", "c", "d", "e" })
            _places.Learn(place);
        Assert.Equal(["e", "d", "c", "first"], Tried(4));
        _places.Learn("first");
        Assert.Equal(["first", "e", "d"], Tried(3));
    }

    [Fact]
    public void What_worked_is_dialled_again_before_what_the_peer_said()
    {
        _places.Reached("said");
        Assert.Equal(["first", "said"], Tried(2));
    }

    [Fact]
    public void What_others_say_counts_once()
    {
        Assert.False(_places.Told("first", isConnected: false));
        Assert.True(_places.Told("told", isConnected: false));
        Assert.Equal("told", _places.Current);
        _places.Missed();
        Assert.False(_places.Told("told", isConnected: false));
        Assert.False(_places.Told("", isConnected: false));
        Assert.Equal("first", _places.Current);
    }

    [Fact]
    public void What_others_say_while_the_peer_is_connected_is_for_later()
    {
        Assert.False(_places.Told("told", isConnected: true));
        Assert.Equal(["first", "told"], Tried(2));
    }

    private string[] Tried(int count)
    {
        var tried = new string[count];
        for (var i = 0; i < count; i++)
        {
            tried[i] = _places.Current;
            _places.Missed();
        }

        return tried;
    }
}
