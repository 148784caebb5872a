namespace Kvorum.Server.Machine;

/// <summary>Where Linux tells what it allows a group of processes (cgroups(7)): both versions.</summary>
internal static class ControlGroups
{
    private const string Mounts = "/proc/self/mountinfo";
    private const string OwnGroups = "/proc/self/cgroup";

    /// <summary>
    /// The folders of this process's group and of all groups above it, as far as they are seen from here, in
    /// each hierarchy that has the controller.
    /// </summary>
    /// <param name="read">The text of a file; null if it is not there or cannot be read.</param>
    /// <param name="controller">memory or pids.</param>
    public static IEnumerable<(string Folder, bool IsSecondVersion)> Of(
        Func<string, string?> read, string controller)
    {
        string[][] groups =
        [
            .. (read(OwnGroups) ?? "").Split('\n').Select(static line => line.Split(':', 3))
                .Where(static parts => parts.Length == 3),
        ];
        foreach (var mount in (read(Mounts) ?? "").Split('\n'))
        {
            // 36 25 0:30 /root /mount/point options - type source options
            var words = mount.Split(' ');
            var dash = Array.IndexOf(words, "-");
            if (dash < 5 || words.Length < dash + 4)
                continue;
            var isSecond = words[dash + 1] == "cgroup2";
            var isFirst = words[dash + 1] == "cgroup" && words[dash + 3].Split(',').Contains(controller);
            var own = groups.FirstOrDefault(parts => isSecond
                ? parts[0] == "0" : parts[1].Split(',').Contains(controller))?[2];
            if ((!isSecond && !isFirst) || own is null)
                continue;
            foreach (var folder in Ancestry(words[4], words[3], own))
                yield return (folder, isSecond);
        }
    }

    // A container mounts its own group as the root; what is above it cannot be seen.
    private static IEnumerable<string> Ancestry(string mountPoint, string root, string group)
    {
        var isBelow = root == "/" || group.StartsWith(root, StringComparison.Ordinal);
        var below = isBelow && !group.Contains("..", StringComparison.Ordinal)
            ? group[(root == "/" ? 0 : root.Length)..].Trim('/') : "";
        while (below.Length > 0)
        {
            yield return $"{mountPoint}/{below}";
            var slash = below.LastIndexOf('/');
            below = slash > 0 ? below[..slash] : "";
        }

        yield return mountPoint;
    }
}
