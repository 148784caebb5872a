namespace Kvorum.Simulator.World;

/// <summary>
/// Everything that may go wrong or get in the way. A search that claims a kind must see it fire.
/// </summary>
internal enum FaultKind
{
    /// <summary>kill -9: the process is gone, the machine and its page cache stay.</summary>
    ProcessCrash,

    /// <summary>Power lost: what was not synced may be gone or torn.</summary>
    PowerLoss,

    /// <summary>Power lost in the middle of a disk operation.</summary>
    CrashInDiskWork,

    /// <summary>All nodes lose power at once.</summary>
    PowerLossOfAll,

    /// <summary>
    /// A node is killed, or its power lost, soon after it was elected: its first entry is on few disks.
    /// </summary>
    YoungLeaderKilled,

    /// <summary>The process stops for a while, longer than a lease.</summary>
    Pause,

    /// <summary>A clock runs fast or slow.</summary>
    ClockDrift,

    /// <summary>The wall clock jumps.</summary>
    ClockJump,

    /// <summary>A read fails.</summary>
    ReadError,

    /// <summary>A write fails.</summary>
    WriteError,

    /// <summary>A sync fails, and the pages are marked clean.</summary>
    SyncError,

    /// <summary>No room on the disk.</summary>
    DiskFull,

    /// <summary>The disk takes long.</summary>
    SlowDisk,

    /// <summary>A bit of synced data flips.</summary>
    BitFlip,

    /// <summary>The disk is empty when the node comes back under the same id.</summary>
    WipedDisk,

    /// <summary>A frame is lost.</summary>
    FrameLost,

    /// <summary>A frame of Raft comes twice.</summary>
    FrameDuplicated,

    /// <summary>A frame of Raft comes late, after those sent behind it.</summary>
    FrameReordered,

    /// <summary>Frames of one direction do not arrive.</summary>
    OneWayCut,

    /// <summary>
    /// A leader is cut off from one other node or from all, for some election timeouts; clients still reach
    /// it.
    /// </summary>
    LeaderCut,

    /// <summary>The nodes are split in two sides.</summary>
    Split,

    /// <summary>Connections are reset.</summary>
    ConnectionReset,

    /// <summary>A link is slow, and its queue fills.</summary>
    SlowLink,

    /// <summary>A client's request does not arrive.</summary>
    RequestLost,

    /// <summary>A client does not hear its answer.</summary>
    ReplyLost,

    /// <summary>A node is killed, or its power lost, while or soon after it takes over a snapshot.</summary>
    YoungInstallKilled,

    /// <summary>Bytes of a file cannot be read any more, until the file is gone.</summary>
    BadSector,

    /// <summary>
    /// A copy of the whole disk that was taken earlier is in its place: what was acknowledged since is not
    /// there, and the node starts as if it had never been.
    /// </summary>
    OldFolder,

    /// <summary>No file can be opened, for want of descriptors.</summary>
    NoDescriptors,

    /// <summary>Zeros are in the place of the newest frames of a node's log.</summary>
    ZeroedLogEnd,

    /// <summary>
    /// The folder that the node had in an earlier cluster of the same names is under it: two clusters meet.
    /// </summary>
    ForeignFolder,

    /// <summary>In runs of one group: members come, go, and change their standing.</summary>
    MembershipChange,

    /// <summary>In runs of one group: the leader is asked to hand over to another.</summary>
    LeadershipTransfer,

    /// <summary>In runs of one group: a member is told to campaign.</summary>
    ForcedCampaign,

    /// <summary>
    /// In runs of one group: a member hears that another is out of reach, and soon that it is not.
    /// </summary>
    LinkBlip,

    /// <summary>In runs of one group: a member's log is cut off behind a snapshot.</summary>
    Compaction,

    /// <summary>In runs of one group: a member was sent a snapshot and has installed it.</summary>
    SnapshotInstalled,

    /// <summary>A node starts on a spare machine, and joins.</summary>
    NodeJoins,

    /// <summary>A member is to be emptied, mostly to leave for good.</summary>
    NodeLeaves,

    /// <summary>A machine is gone with its disk, and its node is declared lost.</summary>
    NodeLost,

    /// <summary>A node is stopped, and started with a program that speaks a newer format version.</summary>
    NodeUpgraded,

    /// <summary>
    /// Most nodes are gone with their disks, and an operator lets the cluster go on from the rest: the run
    /// ends with that.
    /// </summary>
    MajorityLost,

    /// <summary>
    /// The nodes are split while replicas of a quorum keyspace change, along that change.
    /// </summary>
    SplitInChange,

    /// <summary>
    /// A node does not hear the leader of the metadata group, and works by an old placement.
    /// </summary>
    CoordinatorLags,

    /// <summary>A node is started and loses its power again soon, while its disk is slow.</summary>
    YoungNodeKilled,
}
