using Hybrid.Layers;
using static Hybrid.Rules.Forms;

namespace Hybrid.Models;

/// <summary>
/// A small convolutional network in the manner of LeNet-5 (LeCun et al. 1998, section II.B): two 5x5 convolutions, each followed by
/// pooling that halves the image, and two linear layers.
/// </summary>
/// <remarks>
/// Parameters are <c>first</c>, <c>second</c>, <c>hidden</c> and <c>output</c>, each with <c>.weight</c> and <c>.bias</c>.
/// Differs from the paper: ReLU instead of tanh, the largest of four pixels instead of a trained multiple of their mean, every
/// filter sees all channels, images keep their size under a convolution, and one hidden layer instead of two; the output gives
/// logits.
/// </remarks>
public sealed class ConvNet<T> : Model<T, ConvNetSettings>, IClassifier<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Conv2d<T> first, second;
    private readonly Linear<T> hidden, output;

    /// <summary>Makes a model with fresh parameters; biases start at 0.</summary>
    /// <param name="settings">Size.</param>
    /// <param name="random">Where the weights are drawn from.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or the image is too small to be halved twice.</exception>
    /// <exception cref="InsufficientMemoryException">Parameters and their gradients do not fit into memory.</exception>
    public ConvNet(ConvNetSettings settings, RandomStream random) : base(settings)
    {
        first = Conv("first", settings.Channels, settings.FirstFilters);
        second = Conv("second", settings.FirstFilters, settings.SecondFilters);
        hidden = Child("hidden", new Linear<T>(settings.Pooled, settings.Hidden, random.Split("hidden"), weights: settings.Scale));
        // No ReLU follows the logits.
        output = Child("output", new Linear<T>(settings.Hidden, settings.Classes, random.Split("output"), weights: WeightScale.LeCun));

        Conv2d<T> Conv(string name, int channels, int filters) =>
            Child(name, new Conv2d<T>(channels, filters, kernel: 5, random.Split(name), padding: 2, weights: settings.Scale));
    }

    /// <summary>Maps images, one a row, [batch, height · width · channels], to logits, [batch, classes].</summary>
    /// <param name="x">Images; each row is one of [height, width, channels], flattened.</param>
    /// <exception cref="ShapeException">x is no matrix of such rows.</exception>
    public Variable<T> Logits(Variable<T> x)
    {
        using var here = Here(x);
        var y = Images.Unflatten(x, Settings.Height, Settings.Width, Settings.Channels);
        y = here.Only(Halved(first.Apply(y)));
        y = here.Only(Halved(second.Apply(y)));
        return here.Keep(output.Apply(hidden.ApplyRelu(y.Reshape(y.Shape[0], Settings.Pooled))));

        // The largest of four and relu may change places: a quarter of the work.
        Variable<T> Halved(Variable<T> x) => x.MaxPool2d(window: 2, stride: 2).Relu();
    }
}
