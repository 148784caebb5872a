using System.Globalization;
using Kvorum.Storage.Files;

namespace Kvorum.Node.Groups;

/// <summary>Where the tree of a group's replica lies in the data folder.</summary>
internal static class GroupFolder
{
    /// <summary>The folder of all trees.</summary>
    public const string All = "trees";

    /// <summary>The folder of a group's tree.</summary>
    public static string Of(GroupId group) =>
        string.Create(CultureInfo.InvariantCulture, $"{All}/{group.Value:D5}");

    /// <summary>Deletes the folder of a group's tree, durably; nothing if there is none.</summary>
    public static void Delete(IFileSystem files, GroupId group)
    {
        var folder = Of(group);
        if (!GroupsIn(files).Contains(group))
            return;
        foreach (var file in files.ListFiles(folder))
            files.Delete($"{folder}/{file}");
        files.SyncFolder(folder);
        files.DeleteFolder(folder);
        files.SyncFolder(All);
    }

    /// <summary>The groups whose trees are in a data folder, ascending.</summary>
    public static IEnumerable<GroupId> GroupsIn(IFileSystem files) =>
        files.ListFolders(All).Select(GroupOf).OfType<GroupId>().Order();

    /// <summary>The group whose tree is in a folder of this name; null if it is no such folder.</summary>
    public static GroupId? GroupOf(string name) =>
        uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var group)
            && group <= GroupId.MaxValue && Of(new(group)) == $"{All}/{name}" ? new(group) : null;
}
