namespace Kvorum.Node;

/// <summary>A connection that gathers replies.</summary>
public interface IReplySink
{
    /// <summary>
    /// All replies of a batch are in: send them. Called on the completing thread; must not block.
    /// </summary>
    void Flush();
}
