using Kvorum.Storage.Inspection;

namespace Kvorum.Node.Inspection;

/// <summary>What an inspection found in a data folder.</summary>
/// <param name="Findings">
/// In the order of looking: identity, members, log, trees, groups, other files.
/// </param>
public sealed record FolderReport(IReadOnlyList<Finding> Findings)
{
    /// <summary>True if nothing is damaged.</summary>
    public bool IsSound => Damages == 0;

    /// <summary>Number of damages.</summary>
    public int Damages => Count(FindingKind.Damage);

    /// <summary>Number of things that an operator must decide.</summary>
    public int Decisions => Count(FindingKind.Decision);

    /// <summary>Number of notes.</summary>
    public int Notes => Count(FindingKind.Note);

    private int Count(FindingKind kind) => Findings.Count(finding => finding.Kind == kind);
}
