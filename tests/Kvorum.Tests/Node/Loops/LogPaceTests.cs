using Kvorum.Node.Loops;

namespace Kvorum.Tests.Node.Loops;

public class LogPaceTests
{
    /// <summary>
    /// One word a second: how long each write of it took ('-': none was written), and at its end the verdict.
    /// </summary>
    [Theory]
    [InlineData("5 5 5 5", "....")]
    [InlineData("500 500 500", "..S")]
    [InlineData("399 399 399 399 399", ".....")]
    [InlineData("500 500 5 500 500 5", "......")]
    [InlineData("500 - 500 - 500", "....S")]
    [InlineData("- - - - - -", "......")]
    [InlineData("500 500 500 5 5 5 5 5 5 5 5 5 5", "..SSSSSSSSSS.")]
    [InlineData("500 500 500 200 200 200 200 200 200 200 200 200 200 200", "..SSSSSSSSSSSS")]
    [InlineData("500 500 500 5 5 5 5 5 5 5 5 5 200 5 5 5", "..SSSSSSSSSSSSSS")]
    public void The_verdict_follows_the_median_with_hysteresis(string seconds, string verdicts)
    {
        var pace = new LogPace();
        var now = 0L;
        pace.Judge(now);
        var said = seconds.Split(' ').Select(second =>
        {
            now += 1000;
            if (second != "-")
            {
                for (var write = 0; write < 3; write++)
                {
                    pace.Appended(now - long.Parse(second));
                    pace.Completed(now);
                }

                // One outlier among many is no slow disk.
                pace.Appended(now - 5000);
                pace.Completed(now);
            }

            pace.Judge(now);
            return pace.IsSlow ? 'S' : '.';
        });
        Assert.Equal(verdicts, string.Concat(said));
    }

    [Fact]
    public void A_write_that_never_comes_back_counts_by_its_age()
    {
        var pace = new LogPace();
        pace.Appended(0);
        Assert.False(pace.Judge(0));
        Assert.False(pace.Judge(1000));
        Assert.False(pace.Judge(1500));
        Assert.False(pace.Judge(2000));
        Assert.True(pace.Judge(3000));
        Assert.Contains("3000 ms", pace.HealthIssue, StringComparison.Ordinal);
        pace.Completed(3100);
        Assert.True(pace.IsSlow);
    }
}
