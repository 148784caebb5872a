namespace Kvorum.Tests;

public class HouseTests { [Fact] public void Stands() => Assert.Equal(4, 2 + 2); }
