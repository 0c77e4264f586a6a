namespace Hybrid.Models;

/// <summary>
/// What carries the input of a residual block past its layers (He et al. 2015, section 3.3 and the options of section 4.1).
/// </summary>
public enum ShortcutKind
{
    /// <summary>Nothing: the plain network, of the same layers without the sums.</summary>
    None,

    /// <summary>Option A: the input itself; where the shape changes, every stride-th position, and zeros for the new channels.</summary>
    Pad,

    /// <summary>Option B: the input itself; where the shape changes, a trained 1x1 convolution.</summary>
    Project,

    /// <summary>Option C: a trained 1x1 convolution in every block.</summary>
    ProjectAll,
}
