using System.Text.Json;
using Kvorum.Storage.Files;

namespace Kvorum.Node.Survival;

/// <summary>
/// What <c>kvorum user recover</c> wants of a cluster whose last administrator is lost: a new administrator,
/// or an end of rights. A file in the data folders of a majority of those that vote in the metadata group;
/// the cluster does it when they run (ADR 50). Of the API key it has a hash only.
/// </summary>
public sealed record AccessOrder
{
    /// <summary>The file in the data folder.</summary>
    public const string FileName = "user-recovery.json";

    /// <summary>The format that this program writes and reads.</summary>
    public const int FormatVersion = 1;

    /// <summary>The format of this file.</summary>
    public required int Version { get; init; }

    /// <summary>Drawn at random: by it nodes know that they have the same.</summary>
    public required Guid Id { get; init; }

    /// <summary>The cluster that it is for.</summary>
    public required Guid ClusterId { get; init; }

    /// <summary>The nodes that vote in the metadata group, as far as the folder knew that it was made from.
    /// </summary>
    public required IReadOnlyList<string> Voters { get; init; }

    /// <summary>From when on it is not done any more, in Unix milliseconds.</summary>
    public required ulong ExpiresMs { get; init; }

    /// <summary>The user who becomes an administrator; empty for none.</summary>
    public string User { get; init; } = "";

    /// <summary>The number of the user's new API key.</summary>
    public string KeyId { get; init; } = "";

    /// <summary>SHA-256 of that key.</summary>
    public byte[] KeyHash { get; init; } = [];

    /// <summary>True if rights are not to be enforced any more.</summary>
    public bool RightsOff { get; init; }

    /// <summary>How many of the voters must have it.</summary>
    public int Majority() => (Voters.Count / 2) + 1;

    /// <summary>What comes of it, in words.</summary>
    public string InWords()
    {
        string[] parts =
        [
            .. User.Length > 0
                ? [$"user '{User}' gets the role admin and API key {KeyId}, and is enabled"]
                : Array.Empty<string>(),
            .. RightsOff ? ["rights are not enforced any more"] : Array.Empty<string>(),
        ];
        return string.Join("; ", parts);
    }

    /// <summary>As it is kept in a file.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, SurvivalJson.Default.AccessOrder);

    /// <summary>Reads it; a <see cref="FormatException"/> says why it is none.</summary>
    public static AccessOrder Parse(ReadOnlySpan<byte> json) => SurvivalJson.Parse(
        json, SurvivalJson.Default.AccessOrder, static found => found.Version, FormatVersion,
        "plan of kvorum user recover", "make the plan");

    /// <summary>The one in a data folder; null if there is none.</summary>
    public static AccessOrder? Find(IFileSystem files) =>
        files.Exists(FileName) ? Parse(WholeFile.Read(files, FileName)) : null;

    /// <summary>Puts it into a data folder, whole or not at all, in the place of one that was there.
    /// </summary>
    internal void Write(IFileSystem files) => WholeFile.Replace(files, FileName, ToJson());

    /// <summary>Takes it out of a data folder: it is done.</summary>
    public static void Forget(IFileSystem files)
    {
        files.Delete(FileName);
        files.SyncFolder("");
    }
}
