using Hybrid.Layers;
using static Hybrid.Rules.Forms;

namespace Hybrid.Models;

/// <summary>
/// Two 3x3 convolutions with batch normalization and ReLU, and the shortcut past them: y = F(x) + x (He et al. 2015,
/// equation 1; where the shape changes, equation 2).
/// </summary>
internal sealed class ResidualBlock<T> : Layer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly ResNetSettings settings;
    private readonly bool changesShape, isActive;
    private readonly int stride, outChannels;
    private readonly Conv2d<T> firstConv, secondConv;
    private readonly Conv2d<T>? shortcutConv;
    private readonly BatchNorm<T>? firstNorm, secondNorm, shortcutNorm;

    /// <summary>Makes the block.</summary>
    /// <param name="inChannels">Channels of its input.</param>
    /// <param name="outChannels">Channels of its output.</param>
    /// <param name="stride">Step of its first convolution.</param>
    /// <param name="isActive">True if its input has gone through a ReLU, so that a pre-activation block starts without one.</param>
    /// <param name="settings">What the blocks of the network have in common.</param>
    /// <param name="random">
    /// Each convolution draws from a stream of its own, so that networks which differ in their shortcuts start alike.
    /// </param>
    internal ResidualBlock(
        int inChannels, int outChannels, int stride, bool isActive, ResNetSettings settings, Func<string, RandomStream> random)
    {
        (this.settings, this.stride, this.outChannels, this.isActive) = (settings, stride, outChannels, isActive);
        changesShape = stride != 1 || inChannels != outChannels;
        var (normalized, before) = (settings.Normalized, settings.PreActivation);
        firstConv = Conv("first", kernel: 3, stride, inChannels);
        if (normalized && !(before && isActive)) firstNorm = Norm("first", before ? inChannels : outChannels);
        secondConv = Conv("second", kernel: 3, stride: 1, outChannels);
        if (normalized) secondNorm = Norm("second", outChannels);
        if (settings.Shortcuts == ShortcutKind.ProjectAll || (settings.Shortcuts == ShortcutKind.Project && changesShape))
        {
            shortcutConv = Conv("shortcut", kernel: 1, stride, inChannels);
            if (normalized && !before) shortcutNorm = Norm("shortcut", outChannels);
        }

        Conv2d<T> Conv(string role, int kernel, int stride, int channels) => Child($"{role}.conv", new Conv2d<T>(
            channels, outChannels, kernel, random(role), stride, padding: kernel / 2, withBias: !settings.Normalized, settings.Scale));

        BatchNorm<T> Norm(string role, int channels) => Child($"{role}.norm", new BatchNorm<T>(channels));
    }

    /// <summary>Places on the tape of what its two layers respond with; see <see cref="ResNet{T}.Responses"/>.</summary>
    internal IEnumerable<string> Responses => settings.Normalized && !settings.PreActivation
        ? [firstNorm!.Path, secondNorm!.Path]
        : [firstConv.Path, secondConv.Path];

    /// <summary>Maps x, [batch, height, width, inChannels], to [batch, ⌈height / stride⌉, ⌈width / stride⌉, outChannels].</summary>
    internal Variable<T> Apply(Variable<T> x, bool keepsResponses)
    {
        using var here = Here(x);
        return here.Keep(settings.PreActivation ? ApplyBefore() : ApplyBehind());

        // Normalization behind each convolution, relu behind the sum (He et al. 2015, figure 2).
        Variable<T> ApplyBehind()
        {
            var y = here.Only(firstConv.Apply(x).NormalizeRelu(firstNorm, keepsResponses));
            y = here.Only(secondConv.Apply(y));
            if (settings.Shortcuts == ShortcutKind.None) return y.NormalizeRelu(secondNorm, keepsResponses);
            y = here.Only(y.Normalize(secondNorm));
            return here.Only(y + Shortcut(x)).Relu();
        }

        // Normalization and relu before each convolution, nothing behind the sum (He et al. 2016, figure 1b).
        Variable<T> ApplyBefore()
        {
            var active = isActive ? x : x.NormalizeRelu(firstNorm, keepsResponses);
            var y = secondConv.Apply(firstConv.Apply(active).NormalizeRelu(secondNorm, keepsResponses));
            return settings.Shortcuts == ShortcutKind.None ? y : y + Shortcut(active);
        }

        // What is projected is the activated input (He et al. 2016, section 4.1); what is carried as it is is x.
        Variable<T> Shortcut(Variable<T> active) =>
            shortcutConv is not null ? shortcutConv.Apply(active).Normalize(shortcutNorm)
            : changesShape ? x.PadShortcut(stride, outChannels)
            : x;
    }
}
