using Kvorum.Server.Machine;

namespace Kvorum.Tests.Server.Machine;

public class MemoryLimitTests
{
    private const long MiB = 1 << 20;
    private const string Second = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate";
    private const string First = "36 23 0:32 / /sys/fs/cgroup/memory rw shared:17 - cgroup cgroup rw,memory";

    private readonly Dictionary<string, string> _files = new()
    {
        ["/proc/meminfo"] = "MemTotal:       24684544 kB\nMemFree:        21232000 kB\n",
        ["/proc/self/mountinfo"] = Second,
        ["/proc/self/cgroup"] = "0::/system.slice/kvorum.service\n",
    };

    private MemoryLimit Least => MemoryLimit.Least(path => _files.GetValueOrDefault(path), 7);

    [Fact]
    public void Without_any_limit_it_is_the_machines_memory()
    {
        _files["/sys/fs/cgroup/system.slice/kvorum.service/memory.max"] = "max\n";
        Assert.Equal(new(24684544L << 10, "the machine's memory"), Least);
        _files.Clear();
        Assert.Equal(new(7, "the machine's memory"), Least);
    }

    [Theory]
    [InlineData("/sys/fs/cgroup/system.slice/kvorum.service/memory.max")]
    [InlineData("/sys/fs/cgroup/system.slice/kvorum.service/memory.high")]
    [InlineData("/sys/fs/cgroup/system.slice/memory.max")]
    [InlineData("/sys/fs/cgroup/memory.max")]
    public void The_least_of_all_groups_up_to_the_root_counts(string path)
    {
        _files["/sys/fs/cgroup/system.slice/kvorum.service/memory.max"] = $"{900 * MiB}\n";
        _files[path] = $"{300 * MiB}\n";
        Assert.Equal(new(300 * MiB, path), Least);
    }

    [Fact]
    public void Version_1_has_a_hierarchy_for_memory()
    {
        const string cpu = "35 23 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
        _files["/proc/self/mountinfo"] = cpu + First;
        _files["/proc/self/cgroup"] = "5:cpu:/other\n4:memory:/docker/abc\n0::/\n";
        _files["/sys/fs/cgroup/memory/memory.limit_in_bytes"] = "9223372036854771712\n";
        _files["/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes"] = $"{256 * MiB}\n";
        Assert.Equal(
            new(256 * MiB, "/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes"), Least);
    }

    [Theory]
    [InlineData("/docker/abc", "/docker/abc")] // its own group, mounted as the root
    [InlineData("/../..", "/")] // a name space of groups, and a process moved out of it
    [InlineData("/elsewhere", "/docker/abc")]
    public void A_container_sees_its_group_as_the_root(string own, string root)
    {
        _files["/proc/self/mountinfo"] = First.Replace(" / ", $" {root} ", StringComparison.Ordinal);
        _files["/proc/self/cgroup"] = $"4:memory:{own}\n";
        _files["/sys/fs/cgroup/memory/memory.limit_in_bytes"] = $"{300 * MiB}\n";
        Assert.Equal(300 * MiB, Least.Bytes);
    }

    [Fact]
    public void Of_the_address_space_what_is_mapped_and_not_resident_is_spent()
    {
        _files["/proc/self/limits"] = "Limit  Soft Limit  Hard Limit  Units\n"
            + $"Max address space         unlimited            {4096 * MiB}           bytes     \n";
        _files["/proc/self/status"] = "VmSize:\t 2097152 kB\nVmRSS:\t 1048576 kB\n";
        Assert.Equal(new(3072 * MiB, "the limit of address space (ulimit -v)"), Least);
    }

    [Fact]
    public void Nonsense_is_no_limit()
    {
        _files["/proc/self/mountinfo"] = "\n - \n1 2 3\n" + Second;
        _files["/proc/self/cgroup"] = "x\n::\n0:\n0::/a\n";
        _files["/sys/fs/cgroup/a/memory.max"] = "lots";
        Assert.Equal(24684544L << 10, Least.Bytes);
    }

    [Fact]
    public void This_process_has_some_and_no_more_than_the_machine()
    {
        var limit = MemoryLimit.OfThisProcess();
        Assert.InRange(limit.Bytes, 64 * MiB, 1L << 50);
        Assert.NotEmpty(limit.Source);
    }

    [Fact]
    public void Threads_are_limited_by_the_tightest_group()
    {
        _files["/sys/fs/cgroup/system.slice/kvorum.service/pids.max"] = "max";
        _files["/sys/fs/cgroup/system.slice/pids.max"] = "100";
        _files["/sys/fs/cgroup/system.slice/pids.current"] = "60";
        _files["/sys/fs/cgroup/pids.max"] = "1000";
        _files["/sys/fs/cgroup/pids.current"] = "70";
        Assert.Equal(new ThreadLimit(40, 100, "/sys/fs/cgroup/system.slice/pids.max"),
            ThreadLimit.Tightest(path => _files.GetValueOrDefault(path)));
        Assert.Null(ThreadLimit.Tightest(static _ => null));
    }
}
